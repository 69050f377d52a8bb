"""Objects to an answer in several parts."""

from service.domain.errors import ErrorCode
from worker.downloads.inspection.check import Check, Objection
from worker.downloads.inspection.sample import Sample


class Multipart(Check):
    """A server that answers with ranges, or wraps the document, sends other bytes than those of the document."""

    order = 25

    def finish(self, sample: Sample) -> Objection | None:
        if sample.header is None or not sample.header.startswith("multipart/") or sample.size_fits:
            return None
        return Objection(ErrorCode.PORTAL_ANSWER_INVALID, "an answer in several parts came")
