"""What speaks against a download, one check for each reason, and the kind of what stands all of them."""

from collections.abc import Callable
from typing import NamedTuple

from service.domain.errors import ErrorCode
from service.portal.pages import is_complete_page, is_error_text, is_foreign_page, is_portal_page
from worker.inspection.kinds import HTML, JSON, SVG, TEXT, XML, container_for, is_alike, is_textual
from worker.inspection.markup import error_likeness, is_xml_error, root_of
from worker.inspection.sample import Sample
from worker.inspection.signatures import refined


class Objection(NamedTuple):
    """Why a download is not accepted. A doubt ends when the same bytes come again; a final objection never does."""

    code: ErrorCode
    sentence: str
    is_final: bool = True


Check = Callable[[Sample], Objection | None]


def no_bytes(sample: Sample) -> Objection | None:
    """Nothing, or only space, which some gateways send while they wait."""
    if sample.head and (sample.text or sample.is_listed_text):
        return None
    return Objection(ErrorCode.EMPTY_DOCUMENT, "no bytes came")


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
    is_final = likeness == "sure" or not _may_be_json(sample)
    return Objection(ErrorCode.PORTAL_ANSWER_INVALID, "an error in JSON came", is_final)


def error_in_xml(sample: Sample) -> Objection | None:
    if sample.syntax not in {XML, HTML} or sample.is_listed_text or not is_xml_error(sample.text):
        return None
    return Objection(ErrorCode.PORTAL_ANSWER_INVALID, "an error in XML came")


def other_kind(sample: Sample) -> Objection | None:
    """Every promised kind with first bytes of its own must show them. What people mix up is doubted once."""
    if sample.promised is None:
        return None
    needed = container_for(sample.promised)
    if needed is None:
        return _no_text(sample) if is_textual(sample.promised) else _text_for_binary(sample)
    if sample.container == needed:
        return None
    is_doubt = sample.container is not None and (not sample.expected.listed or is_alike(needed, sample.container))
    return _mismatch(sample, is_final=not is_doubt)


def complete_page(sample: Sample) -> Objection | None:
    """Courts file fragments of HTML: a complete page may come from elsewhere, so it has to come twice."""
    if sample.syntax != HTML or sample.is_listed_text or not is_complete_page(sample.text):
        return None
    return Objection(ErrorCode.PORTAL_PAGE, "a complete web page came", is_final=False)


#: In this order: the first objection that is final gives the reason.
CHECKS: tuple[Check, ...] = (no_bytes, page_in_between, error_in_json, error_in_xml, other_kind, complete_page)


def kind_of(sample: Sample) -> str:
    """The MIME type of what passed the checks: never one that its bytes do not show."""
    if sample.container:
        return _kind_within(sample, sample.container)
    if sample.syntax is None:
        claimed = sample.promised or sample.header
        return claimed if claimed and _is_free(claimed) else _UNKNOWN
    return _kind_of_text(sample, sample.syntax)


_UNKNOWN = "application/octet-stream"


def _is_free(kind: str) -> bool:
    """Whether bytes that show nothing may be of this kind. Recordings have more beginnings than are listed."""
    is_recording = kind.startswith(("audio/", "video/"))
    return is_recording or (not container_for(kind) and not is_textual(kind))


def _may_be_json(sample: Sample) -> bool:
    promised = sample.promised
    return promised is not None and promised != HTML and is_textual(promised)


def _no_text(sample: Sample) -> Objection | None:
    """For a promised text: binary bytes, or a page for what is no page."""
    if sample.container:
        return _mismatch(sample, is_final=sample.expected.listed is not None)
    is_page = sample.syntax == HTML and sample.promised not in {HTML, TEXT, XML, SVG, "message/rfc822"}
    if sample.syntax is None or is_page:
        return _mismatch(sample)
    is_xml = sample.syntax in {XML, SVG} and sample.promised == HTML and sample.text.startswith(b"<?xml")
    return _mismatch(sample, is_final=False) if is_xml else None


def _text_for_binary(sample: Sample) -> Objection | None:
    return _mismatch(sample) if sample.syntax not in {None, TEXT} else None


def _mismatch(sample: Sample, *, is_final: bool = True) -> Objection:
    came = sample.container or sample.syntax or "something else"
    return Objection(ErrorCode.CONTENT_MISMATCH, f"{sample.promised} was promised, {came} came", is_final)


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
    if promised and is_textual(promised):
        return promised
    if syntax in {HTML, SVG} or (syntax == JSON and sample.size_fits):
        return syntax
    if syntax == XML:
        is_declared = sample.text.startswith(b"<?xml") or root_of(sample.text)[0] or b"xmlns" in sample.text[:500]
        return HTML if header == HTML and not is_declared else XML
    return _text_header(header) if promised is None or container_for(promised) else promised


def _text_header(header: str | None) -> str:
    return header if header and is_textual(header) else _UNKNOWN
