"""Doubts a web page whose size is not promised."""

from service.domain.errors import ErrorCode
from service.portal.pages import is_complete_page
from worker.downloads.inspection.check import Check, Objection
from worker.downloads.inspection.detected_kind import kind_of
from worker.downloads.inspection.kinds import HTML
from worker.downloads.inspection.sample import Sample


class UnpromisedPage(Check):
    """A proxy may send a page, but not twice the same. Fragments pass if a size is listed: courts file them."""

    order = 70

    def finish(self, sample: Sample) -> Objection | None:
        if sample.is_listed_text or kind_of(sample) != HTML:
            return None
        if is_complete_page(sample.text) or (sample.expected.size is None and not sample.expected.is_text):
            return Objection(ErrorCode.PORTAL_PAGE, "a web page came whose size is not promised", is_final=False)
        return None
