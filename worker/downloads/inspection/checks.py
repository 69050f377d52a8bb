"""The checks of a download, one for each reason not to accept it, and the kind of what passes all of them."""

import re
from collections.abc import Callable
from typing import NamedTuple

from service.domain.errors import ErrorCode
from service.portal.pages import is_complete_page, is_error_text, is_foreign_page, is_portal_page
from worker.downloads.inspection.kinds import HTML, JSON, SVG, TEXT, XML, container_for, is_textual
from worker.downloads.inspection.markup import error_likeness, is_xml_error, root_of
from worker.downloads.inspection.sample import Sample
from worker.downloads.inspection.signatures import refined


class Objection(NamedTuple):
    """Why a download is not accepted. One that is not final, a doubt, is dropped when the same bytes come again."""

    code: ErrorCode
    sentence: str
    is_final: bool = True


MESSAGE_LENGTH = 1000  # bytes; an unknown error message is a line or two, documents are longer
Check = Callable[[Sample], Objection | None]


def no_bytes(sample: Sample) -> Objection | None:
    """Object to no bytes, or only whitespace: gateways send it while they wait. Courts have empty documents too."""
    if sample.head and (sample.text or sample.is_listed_text):
        return None
    return Objection(ErrorCode.EMPTY_DOCUMENT, "no bytes came", is_final=not sample.may_be_empty)


def page_in_between(sample: Sample) -> Objection | None:
    """Object to known pages of the portal, of firewalls and of gateways, and to known errors in plain text.

    They are known by marks: a firewall's page has a new number each time, so its bytes differ.
    """
    if sample.syntax is None or sample.is_listed_text:
        return None
    if is_portal_page(sample.text):
        return Objection(ErrorCode.PORTAL_PAGE, "the portal's own page came")
    if sample.syntax in {HTML, XML} and is_foreign_page(sample.text, is_whole=sample.is_whole):
        return Objection(ErrorCode.PORTAL_PAGE, "a page of what stands before the portal came")
    if sample.syntax == TEXT and sample.is_whole and is_error_text(sample.text):
        return Objection(ErrorCode.PORTAL_ANSWER_INVALID, "an error in plain text came")
    return None


def error_in_json(sample: Sample) -> Objection | None:
    """Object to JSON that looks like an error, or whose kind is not promised (only a doubt if its size fits)."""
    if sample.syntax is None or sample.is_listed_text:
        return None
    likeness = error_likeness(sample.text, whole=sample.is_whole, header=sample.header)
    if likeness is None or (likeness == "none" and _may_be_json(sample)):
        return None
    is_of_the_size = likeness == "none" and sample.size_fits
    is_final = likeness == "sure" or not (_may_be_json(sample) or is_of_the_size)
    return Objection(ErrorCode.PORTAL_ANSWER_INVALID, "an error in JSON came", is_final)


def error_in_xml(sample: Sample) -> Objection | None:
    if sample.syntax not in {XML, HTML} or sample.is_listed_text or not is_xml_error(sample.text):
        return None
    return Objection(ErrorCode.PORTAL_ANSWER_INVALID, "an error in XML came")


def other_kind(sample: Sample) -> Objection | None:
    """Object to another kind than promised: no signature of it, binary bytes for text, markup or JSON for binary."""
    if sample.promised is None or not sample.head:
        return None
    needed = container_for(sample.promised)
    if needed is None:
        return _no_text(sample) if is_textual(sample.promised) else _text_for_binary(sample)
    return None if sample.container == needed else _mismatch(sample)


def unpromised_page(sample: Sample) -> Objection | None:
    """Doubt HTML until it comes twice: a proxy may send it. Fragments pass if a size is listed: courts file them."""
    if sample.is_listed_text or kind_of(sample) != HTML:
        return None
    if is_complete_page(sample.text) or (sample.expected.size is None and not sample.expected.is_text):
        return Objection(ErrorCode.PORTAL_PAGE, "a web page came whose size is not promised", is_final=False)
    return None


#: The order matters: the first final objection becomes the error.
CHECKS: tuple[Check, ...] = (no_bytes, page_in_between, error_in_json, error_in_xml, other_kind, unpromised_page)


def kind_of(sample: Sample) -> str:
    """The MIME type of what passed the checks: never one that the bytes contradict."""
    if not sample.head:
        return sample.promised if sample.promised and is_textual(sample.promised) else _UNKNOWN
    if sample.container:
        return _kind_within(sample, sample.container)
    if sample.syntax is None:
        claimed = sample.promised or sample.header
        is_disproved = sample.promised is not None and container_for(sample.promised) is not None
        return claimed if claimed and _is_free(claimed) and not is_disproved else _UNKNOWN
    return _kind_of_text(sample, sample.syntax)


_UNKNOWN = "application/octet-stream"
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")  # except those that separate lines and words


def _is_free(kind: str) -> bool:
    """Whether bytes without a known signature may be of this kind. Recordings have more signatures than we list."""
    is_recording = kind.startswith(("audio/", "video/"))
    return is_recording or (not container_for(kind) and not is_textual(kind))


def _may_be_json(sample: Sample) -> bool:
    promised = sample.promised
    return promised is not None and promised != HTML and is_textual(promised)


def _no_text(sample: Sample) -> Objection | None:
    """For a promised text: object to binary bytes, to a page for what is no page, and to XML for HTML."""
    if sample.syntax is None or _is_page_for_text(sample):
        return _mismatch(sample)
    is_xml = sample.syntax in {XML, SVG} and sample.promised == HTML and sample.text.startswith(b"<?xml")
    return _mismatch(sample) if is_xml else None


def _is_page_for_text(sample: Sample) -> bool:
    return sample.syntax == HTML and sample.promised not in {HTML, TEXT, XML, SVG, "message/rfc822"}


def _text_for_binary(sample: Sample) -> Objection | None:
    return _mismatch(sample) if sample.syntax not in {None, TEXT} else None


def _mismatch(sample: Sample) -> Objection:
    came = sample.container or sample.syntax or "something else"
    sentence = f"{sample.promised} was promised, {came} came"
    return Objection(ErrorCode.CONTENT_MISMATCH, sentence, is_final=not _may_be_the_courts(sample))


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


def _kind_within(sample: Sample, container: str) -> str:
    """The first kind that fits the container, by the listing, the header, the bytes and the name, in this order."""
    opinions = (
        sample.expected.listed,
        sample.header,
        refined(container, sample.head, sample.tail),
        sample.promised,
    )
    fitting = (each for each in opinions if each and each != container and container_for(each) == container)
    return next(fitting, container)


def _kind_of_text(sample: Sample, syntax: str) -> str:
    promised, header = sample.promised, sample.header
    if promised == HTML and syntax in {XML, SVG} and sample.text.startswith(b"<?xml"):
        return syntax
    if promised and is_textual(promised) and not _is_page_for_text(sample):
        return promised
    if syntax in {HTML, SVG} or (syntax == JSON and sample.size_fits):
        return syntax
    if syntax == XML:
        is_declared = sample.text.startswith(b"<?xml") or root_of(sample.text)[0] or b"xmlns" in sample.text[:500]
        return HTML if header == HTML and not is_declared else XML
    if promised and not container_for(promised):
        return promised
    is_words = promised is not None and _CONTROLS.search(sample.text) is None
    return _text_header(header) or (TEXT if is_words else _UNKNOWN)


def _text_header(header: str | None) -> str | None:
    return header if header and is_textual(header) else None
