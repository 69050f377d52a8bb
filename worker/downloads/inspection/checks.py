"""What speaks against a download, one check for each reason, and the kind of what stands all of them."""

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
    """Why a download is not accepted. A doubt ends when the same bytes come again; a final objection never does."""

    code: ErrorCode
    sentence: str
    is_final: bool = True


MESSAGE_LENGTH = 1000  # bytes; an error that is not known is a line or two, and documents are longer
Check = Callable[[Sample], Objection | None]


def no_bytes(sample: Sample) -> Objection | None:
    """Nothing, or only space, which some gateways send while they wait. Courts have documents of no bytes too."""
    if sample.head and (sample.text or sample.is_listed_text):
        return None
    return Objection(ErrorCode.EMPTY_DOCUMENT, "no bytes came", is_final=not sample.may_be_empty)


def page_in_between(sample: Sample) -> Objection | None:
    """Known pages of the portal and of others. A firewall's page has another number each time."""
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
    """JSON is a document where the listing says so or the size is the promised one, and it is no error."""
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
    """Every promised kind with first bytes of its own must show them, or what comes is doubted."""
    if sample.promised is None or not sample.head:
        return None
    needed = container_for(sample.promised)
    if needed is None:
        return _no_text(sample) if is_textual(sample.promised) else _text_for_binary(sample)
    return None if sample.container == needed else _mismatch(sample)


def unpromised_page(sample: Sample) -> Objection | None:
    """HTML may come from elsewhere, so it has to come twice. Courts file fragments, which are of a listed size."""
    if sample.is_listed_text or kind_of(sample) != HTML:
        return None
    if is_complete_page(sample.text) or (sample.expected.size is None and not sample.expected.is_text):
        return Objection(ErrorCode.PORTAL_PAGE, "a web page came whose size is not promised", is_final=False)
    return None


#: In this order: the first objection that is final gives the reason.
CHECKS: tuple[Check, ...] = (no_bytes, page_in_between, error_in_json, error_in_xml, other_kind, unpromised_page)


def kind_of(sample: Sample) -> str:
    """The MIME type of what passed the checks: never one that its bytes do not show."""
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
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")  # but those that part lines and words


def _is_free(kind: str) -> bool:
    """Whether bytes that show nothing may be of this kind. Recordings have more beginnings than are listed."""
    is_recording = kind.startswith(("audio/", "video/"))
    return is_recording or (not container_for(kind) and not is_textual(kind))


def _may_be_json(sample: Sample) -> bool:
    promised = sample.promised
    return promised is not None and promised != HTML and is_textual(promised)


def _no_text(sample: Sample) -> Objection | None:
    """For a promised text: binary bytes, or a page for what is no page."""
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
    """Whether the same bytes again are what the court has, although another kind is promised.

    Errors and pages that are not known are text. So text needs a listed type, which may be wrong: the ending of a name
    is no type. And where the listed size is another one too, text that is short or a complete page is believed never.
    """
    if sample.expected.is_text:
        return False
    if sample.container or (sample.syntax is None and sample.expected.listed):
        return True
    has_other_size = sample.expected.size is not None and not sample.size_fits
    may_be_message = len(sample.text) <= MESSAGE_LENGTH or is_complete_page(sample.text)
    return sample.expected.listed is not None and not (has_other_size and may_be_message)


def _kind_within(sample: Sample, container: str) -> str:
    """The listing knows which of the kinds in a container it is, then the header, the bytes and the name."""
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
