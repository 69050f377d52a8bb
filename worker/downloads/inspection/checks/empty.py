"""Objects to no bytes, or only whitespace."""

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from worker.downloads.inspection.check import Check, Objection
from worker.downloads.inspection.sample import Sample


class Empty(Check):
    """Gateways send whitespace while they wait. Courts have empty documents too."""

    order = 20

    def finish(self, sample: Sample) -> Objection | None:
        if sample.head and (sample.text or sample.is_listed_text):
            return None
        is_final = not sample.may_be_empty
        return Objection(ErrorCode.EMPTY_DOCUMENT, "no bytes came", is_final, ContentFlag.EMPTY)
