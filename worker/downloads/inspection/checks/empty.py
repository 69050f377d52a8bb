"""Objects to no bytes, or only whitespace or NUL bytes."""

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from worker.downloads.inspection.check import Check, Objection
from worker.downloads.inspection.sample import Sample


class Empty(Check):
    """Gateways send whitespace while they wait. Courts have empty documents too."""

    order = 20

    def finish(self, sample: Sample) -> Objection | None:
        is_blank = not sample.text.strip(b"\0 \t\r\n") and sample.is_whole and not sample.size_fits
        if sample.head and not is_blank and (sample.text or sample.is_listed_text):
            return None
        is_final = not sample.may_be_empty
        return Objection(ErrorCode.EMPTY_DOCUMENT, "no bytes came", is_final, ContentFlag.EMPTY)
