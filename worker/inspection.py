"""Whether what came is the document that was promised, judged while it passes through."""

import hashlib
from collections.abc import AsyncIterator, Mapping

import msgspec

from service.domain.errors import ErrorCode
from service.portal.client import is_portal_page
from service.portal.errors import Refused, Unavailable

HEAD_LENGTH = 4096  # bytes looked at for the kind
TAIL_LENGTH = 2048  # bytes looked at for the end of a PDF
_JSON_LENGTH = 4096  # bytes; an error in place of a document is short

#: The portal's words and older ones for what we call by the registered name.
_SYNONYMS: Mapping[str, str] = {
    "text/richtext": "application/rtf",
    "text/rtf": "application/rtf",
    "application/x-pdf": "application/pdf",
    "application/xhtml+xml": "text/html",
}
#: Kinds that can be told from their first bytes: a document listed as one of them has to look like it.
_RECOGNISABLE = frozenset({"application/pdf", "application/rtf", "text/html"})
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"{\\rtf", "application/rtf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"ID3", "audio/mpeg"),
    (b"PK\x03\x04", "application/zip"),
)


class Promise(msgspec.Struct, frozen=True):
    """What the listing says of a document's bytes; None where it says nothing."""

    size: int | None
    mime_type: str | None
    is_text: bool = False  #: the text rendition is fetched, to which size and kind do not apply


class Seen(msgspec.Struct, frozen=True):
    """What an earlier attempt got that was not what the listing promises."""

    size: int
    sha256: str


class Mismatch(Unavailable):
    """Received whole, it seems, but not of the promised size. The same twice is what the portal really has."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(ErrorCode.SIZE_MISMATCH, f"{seen.size} bytes came, which is not the promised size")
        self.seen = seen


class Inspection:
    """Watches one download. `before` is what the attempt before got, if that was a `Mismatch`."""

    def __init__(self, promise: Promise, *, max_bytes: int, before: Seen | None = None) -> None:
        self._promise = promise
        self._max_bytes = max_bytes
        self._before = before
        self._digest = hashlib.sha256()
        self._head = b""
        self._tail = b""
        self.size = 0

    @property
    def sha256(self) -> str:
        """Of all bytes so far, in lower-case hexadecimal."""
        return self._digest.hexdigest()

    async def watch(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass the bytes on, remembering what the judgement needs. Raises `Refused` beyond the limit."""
        async for chunk in chunks:
            self.size += len(chunk)
            if self.size > self._max_bytes:
                raise Refused(ErrorCode.TOO_LARGE, "the document is larger than the limit")
            if len(self._head) < HEAD_LENGTH:
                self._head += chunk[: HEAD_LENGTH - len(self._head)]
            self._tail = (self._tail + chunk[-TAIL_LENGTH:])[-TAIL_LENGTH:]
            self._digest.update(chunk)
            yield chunk

    def judge_kind(self, content_type: str) -> str:
        """The MIME type by the first bytes, with the listing and the header as second and third opinion.

        Raises `Unavailable` for what is not a document, or not one of the promised kind.
        """
        if not self._head:
            raise Unavailable(ErrorCode.EMPTY_DOCUMENT, "no bytes came")
        if is_portal_page(self._head):
            raise Unavailable(ErrorCode.PORTAL_PAGE, "the portal's own page came")
        if self._is_json_error():
            raise Unavailable(ErrorCode.PORTAL_ANSWER_INVALID, "an error in JSON came")
        if self._promise.is_text:
            return "text/plain"
        promised = _canonical(self._promise.mime_type)
        found = _sniff(self._head)
        if promised in _RECOGNISABLE and found != promised:
            raise Unavailable(ErrorCode.CONTENT_MISMATCH, f"{promised} was promised, {found} came")
        return found or promised or _canonical(content_type) or "application/octet-stream"

    def judge_whole(self, content_length: int | None) -> bool:
        """Whether the size is not the promised one although everything came. Raises `Mismatch` the first time."""
        expected = None if self._promise.is_text else self._promise.size
        complete = expected is None or expected == self.size
        if complete and (expected is not None or content_length is not None or self._looks_finished()):
            return False
        seen = Seen(self.size, self.sha256)
        if seen != self._before:
            raise Mismatch(seen)
        return True

    def _is_json_error(self) -> bool:
        if self.size > _JSON_LENGTH or not self._head.lstrip().startswith(b"{"):
            return False
        try:
            return isinstance(msgspec.json.decode(self._head), dict)
        except msgspec.DecodeError:
            return False

    def _looks_finished(self) -> bool:
        return not self._head.startswith(b"%PDF-") or b"%%EOF" in self._tail


def _canonical(mime_type: str | None) -> str | None:
    if not mime_type:
        return None
    plain = mime_type.partition(";")[0].strip().lower()
    return _SYNONYMS.get(plain, plain)


def _sniff(head: bytes) -> str | None:
    if b"%PDF-" in head[:1024]:
        return "application/pdf"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, kind in _MAGIC:
        if text.startswith(magic):
            return kind
    return "text/html" if (text.startswith(b"<") and text[1:2].isalpha()) or text.startswith(b"<!") else None
