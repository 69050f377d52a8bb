"""Objects to errors in XML."""

from service.domain.errors import ErrorCode
from worker.downloads.inspection.check import Check, Objection
from worker.downloads.inspection.kinds import HTML, XML
from worker.downloads.inspection.markup import is_xml_error
from worker.downloads.inspection.sample import Sample


class XmlError(Check):
    """Of object stores, gateways and services."""

    order = 50

    def finish(self, sample: Sample) -> Objection | None:
        if sample.syntax not in {XML, HTML} or sample.is_listed_text or not is_xml_error(sample.text):
            return None
        return Objection(ErrorCode.PORTAL_ANSWER_INVALID, "an error in XML came")
