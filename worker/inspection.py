"""Whether what came is the document that was promised, judged while it passes through."""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping

import msgspec

from service.domain.errors import ErrorCode
from service.portal.client import is_portal_page
from service.portal.errors import Refused, Unavailable

HEAD_LENGTH = 4096  # bytes looked at for the kind
TAIL_LENGTH = 2048  # bytes looked at for the end of a PDF
_JSON_LENGTH = HEAD_LENGTH  # bytes; an error in place of a document is short
_JSON_START = re.compile(rb'\{\s*["}]|\[\s*\{')
_MIME_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")

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
    (b"ID3\x02", "audio/mpeg"),
    (b"ID3\x03", "audio/mpeg"),
    (b"ID3\x04", "audio/mpeg"),
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
        if self._is_json(content_type):
            raise Unavailable(ErrorCode.PORTAL_ANSWER_INVALID, "an error in JSON came")
        promised = "text/plain" if self._promise.is_text else _canonical(self._promise.mime_type)
        found = _sniff(self._head)
        if promised in {"text/html", "text/plain"} and found in {None, "text/html"} and self._is_text():
            # A fragment may begin with words, and a text with a bracket.
            return promised
        if promised in _RECOGNISABLE | {"text/plain"} and found != promised:
            raise Unavailable(ErrorCode.CONTENT_MISMATCH, f"{promised} was promised, {found} came")
        if found == "application/zip":
            # Office files are such archives too, and the listing knows which.
            return promised or found
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

    def _is_json(self, content_type: str) -> bool:
        text = _without_mark(self._head)
        if not _JSON_START.match(text):
            return False
        if content_type == "application/json":
            return True
        try:
            return self.size <= _JSON_LENGTH and isinstance(msgspec.json.decode(text), dict)
        except RecursionError:
            return True
        except ValueError:
            return False

    def _is_text(self) -> bool:
        return b"\0" not in _without_mark(self._head)

    def _looks_finished(self) -> bool:
        return _sniff(self._head) != "application/pdf" or b"%%EOF" in self._tail


def _canonical(mime_type: str | None) -> str | None:
    """The registered name of a kind, None for what is no such name or says nothing."""
    plain = (mime_type or "").partition(";")[0].strip().lower()
    if "/" not in plain:
        plain = plain.replace("_", "/", 1)  # the portal's sources write APPLICATION_PDF
    known = _SYNONYMS.get(plain, plain)
    return known if _MIME_TYPE.fullmatch(known) and known != "application/octet-stream" else None


def _without_mark(head: bytes) -> bytes:
    """Text as bytes of ASCII and beyond, without byte order mark and the space before its first character."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "ignore").encode("utf-8", "ignore")
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()


def _sniff(head: bytes) -> str | None:
    text = _without_mark(head)
    for magic, kind in _MAGIC:
        if text.startswith(magic):
            return kind
    if (text.startswith(b"<") and text[1:2].isalpha()) or text.startswith(b"<!"):
        return "text/html"
    # Readers accept a PDF behind up to 1 KiB of anything.
    return "application/pdf" if b"%PDF-" in head[:1024] else None
