"""The bytes of a document: a pure function of its case, identity, revision, kind, name and size."""

import hashlib
from collections.abc import Iterator

from service.local.simulator.cases.cases import CaseDocument, Kind
from service.local.simulator.cases.filler import filler
from service.local.simulator.cases.markup import html_frame, rtf_frame
from service.local.simulator.cases.pdf import pdf_frame
from service.local.simulator.frame import Frame, printable

_TEXT_SHARE = 12  # a text is about a twelfth of its binary
_TEXT_LIMIT = 256 * 1024


def content_chunks(document: CaseDocument) -> Iterator[bytes]:
    """The `document.size` bytes of the binary, in chunks of at most 64 KiB, in constant memory.

    Raises ValueError, at the first chunk, if the size is too small for the kind.
    """
    frame = _frame(document)
    yield frame.head
    yield from filler(_seed(document), frame.padding)
    yield frame.tail


def sha256_of(document: CaseDocument) -> str:
    """Hexadecimal digest of the binary."""
    digest = hashlib.sha256()
    for chunk in content_chunks(document):
        digest.update(chunk)
    return digest.hexdigest()


def text_of(document: CaseDocument) -> bytes:
    """The text rendition, UTF-8."""
    start = "".join(f"{line}\n" for line in _lines(document)).encode()
    length = min(document.size // _TEXT_SHARE, _TEXT_LIMIT) - len(start)
    return start + b"".join(filler(_seed(document), max(length, 0)))


def text_size(document: CaseDocument) -> int:
    """Length of `text_of`, in bytes, without making it."""
    start = sum(len(line.encode()) + 1 for line in _lines(document))
    return max(start, min(document.size // _TEXT_SHARE, _TEXT_LIMIT))


def check_size(document: CaseDocument) -> None:
    """Raises ValueError if the size is too small for the kind; 900 bytes are enough for each."""
    _frame(document)


def _frame(document: CaseDocument) -> Frame:
    make = {Kind.PDF: pdf_frame, Kind.HTML: html_frame, Kind.RTF: rtf_frame}[document.kind]
    return make(_lines(document), document.size)


def _lines(document: CaseDocument) -> tuple[str, ...]:
    return (
        printable(document.name),
        f"Processo {document.case_number}",
        printable(f"{document.identity}, revisão {document.revision}", limit=64),
        "Conteúdo fictício.",
    )


def _seed(document: CaseDocument) -> str:
    return f"{document.case_number}/{document.identity}/{document.revision}"
