"""The kind of a download that passed the checks."""

import re

from worker.downloads.inspection.kinds import HTML, JSON, SVG, TEXT, XML, container_for, is_textual
from worker.downloads.inspection.markup import root_of
from worker.downloads.inspection.sample import Sample
from worker.downloads.inspection.signatures import refined

_UNKNOWN = "application/octet-stream"
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")  # except those that separate lines and words


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


def _is_free(kind: str) -> bool:
    """Whether bytes without a known signature may be of this kind. Recordings have more signatures than we list."""
    is_recording = kind.startswith(("audio/", "video/"))
    return is_recording or (not container_for(kind) and not is_textual(kind))


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
    if promised and is_textual(promised) and not sample.is_page_for_text:
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
