"""Objects to another kind than promised."""

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from service.portal.pages import is_complete_page
from worker.downloads.inspection.check import Check, Objection
from worker.downloads.inspection.kinds import HTML, SVG, TEXT, XML, container_for, is_textual
from worker.downloads.inspection.sample import Sample

MESSAGE_LENGTH = 1000  # bytes; an unknown error message is a line or two, documents are longer


class OtherKind(Check):
    """No signature of the promised kind, binary bytes for text, or markup or JSON for a binary kind."""

    order = 60

    def finish(self, sample: Sample) -> Objection | None:
        if sample.promised is None or not sample.head:
            return None
        needed = container_for(sample.promised)
        if needed is None:
            return _no_text(sample) if is_textual(sample.promised) else _text_for_binary(sample)
        return None if sample.container == needed else _mismatch(sample)


def _no_text(sample: Sample) -> Objection | None:
    """For a promised text: object to binary bytes, to a page for what is no page, and to XML for HTML."""
    if sample.syntax is None or sample.is_page_for_text:
        return _mismatch(sample)
    is_xml = sample.syntax in {XML, SVG} and sample.promised == HTML and sample.text.startswith(b"<?xml")
    return _mismatch(sample) if is_xml else None


def _text_for_binary(sample: Sample) -> Objection | None:
    return _mismatch(sample) if sample.syntax not in {None, TEXT} else None


def _mismatch(sample: Sample) -> Objection:
    received = sample.container or sample.syntax or "something else"
    sentence = f"{sample.promised} was promised, {received} came"
    is_final = not _may_be_the_courts(sample)
    return Objection(ErrorCode.CONTENT_MISMATCH, sentence, is_final, ContentFlag.TYPE_MISMATCH)


def _may_be_the_courts(sample: Sample) -> bool:
    """Whether bytes of another kind than promised are accepted if they come again: the court may have just these.

    Unknown errors and pages are text. So text is accepted only if the listing has a type, which may be wrong; the
    ending of a name does not count. If the listed size differs too, short text and complete pages are never accepted.
    """
    if sample.expected.is_text:
        return False
    if sample.container or (sample.syntax is None and sample.expected.listed):
        return True
    has_other_size = sample.expected.size is not None and not sample.size_fits
    may_be_message = len(sample.text) <= MESSAGE_LENGTH or is_complete_page(sample.text)
    return sample.expected.listed is not None and not (has_other_size and may_be_message)
