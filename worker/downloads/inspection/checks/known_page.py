"""Objects to known pages of the portal, of firewalls and of gateways, and to known errors in plain text."""

from service.domain.errors import ErrorCode
from service.portal.pages import is_error_text, is_foreign_page, is_portal_page
from worker.downloads.inspection.check import Check, Objection
from worker.downloads.inspection.kinds import HTML, JSON, TEXT, XML
from worker.downloads.inspection.sample import Sample


class KnownPage(Check):
    """They are known by marks: a firewall's page has a new number each time, so its bytes differ."""

    order = 30

    def finish(self, sample: Sample) -> Objection | None:
        if sample.syntax is None or sample.is_listed_text:
            return None
        if is_portal_page(sample.text):
            return Objection(ErrorCode.PORTAL_PAGE, "the portal's own page came")
        if sample.syntax in {HTML, XML} and is_foreign_page(sample.text, is_whole=sample.is_whole):
            return Objection(ErrorCode.PORTAL_PAGE, "a page of what stands before the portal came")
        if sample.syntax in {TEXT, JSON} and sample.is_whole and is_error_text(sample.text):
            return Objection(ErrorCode.PORTAL_ANSWER_INVALID, "an error in plain text came")
        return None
