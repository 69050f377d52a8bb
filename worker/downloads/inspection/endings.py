"""Whether a body's own bytes prove that it is complete. HTTP does not, if the closed connection ends the body."""

import re
from collections.abc import Callable, Mapping

import msgspec

from worker.downloads.inspection.kinds import CMS, HTML, JSON, PDF, RTF, SVG, XML, ZIP
from worker.downloads.inspection.markup import root_of
from worker.downloads.inspection.sample import Sample

TAIL_LENGTH = 2048  # bytes looked at for the end
_CLOSING = re.compile(rb"</((?:[\w.-]+:)?[\w.-]+)\s*>\s*(?:<!--(?:(?!-->).)*-->\s*)*\Z", re.DOTALL)
_EMPTY_ROOT = re.compile(rb"(?>(?:<[?!][^>]*>|\s+)*)<[^<>!?/][^<>]*/>\s*\Z")
_HTML_DOCTYPE = re.compile(rb"<!doctype\s+html", re.IGNORECASE)
_LINEARISED = re.compile(rb"/Linearized\b.{0,200}?/L\s+(\d{1,12})\b", re.DOTALL)
_PADDING = b"\0\r\n "  # what systems append to files
_Ending = Callable[[bytes, bytes, int], bool | None]  # of head, tail and size


def shows_end(sample: Sample) -> bool | None:
    """Whether the last bytes are the end of such a document; None for kinds whose end cannot be recognised."""
    if sample.container:
        ending = _ENDINGS.get(sample.container)
        return ending(sample.head, sample.tail, sample.size) if ending else None
    if sample.syntax in {HTML, XML, SVG}:
        return _is_closed(sample)
    return True if sample.syntax == JSON and sample.is_whole and _is_json(sample.text) else None


def _is_closed(sample: Sample) -> bool:
    """True if the last tag closes the first element: a fragment that was cut may end with `</p>` too."""
    if sample.is_whole and _EMPTY_ROOT.match(sample.text):
        return True
    last = _CLOSING.search(sample.tail.replace(b"\0", b""))
    prefix, name = root_of(sample.text)
    opened = b"html" if _HTML_DOCTYPE.search(sample.text[:500]) else prefix + name
    return last is not None and last[1].lower() == opened


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _pdf(head: bytes, tail: bytes, size: int) -> bool:
    """A linearised file has an end after its first page too, but it says at its beginning how long it is."""
    linearised = _LINEARISED.search(head[:1024])
    return b"%%EOF" in tail and (linearised is None or int(linearised[1]) <= size)


def _ends(*ends: bytes, padding: bytes = _PADDING) -> _Ending:
    return lambda _head, tail, _size: tail.rstrip(padding).endswith(ends) or tail.endswith(ends)


def _zip(_head: bytes, tail: bytes, _size: int) -> bool:
    """The end record is the last, except for its comment, whose length the record states."""
    place = tail.rfind(b"PK\x05\x06")
    end = place + 22 + int.from_bytes(tail[place + 20 : place + 22], "little")
    return place >= 0 and end <= len(tail) and not tail[end:].strip(_PADDING)


def _riff(head: bytes, _tail: bytes, size: int) -> bool:
    return 8 + int.from_bytes(head[4:8], "little") <= size


def _bitmap(head: bytes, _tail: bytes, size: int) -> bool:
    return int.from_bytes(head[2:6], "little") == size


def _seven_zip(head: bytes, _tail: bytes, size: int) -> bool:
    """The start header states the offset and the length of the end header."""
    return 32 + int.from_bytes(head[12:20], "little") + int.from_bytes(head[20:28], "little") == size


def _envelope(head: bytes, tail: bytes, size: int) -> bool | None:
    """DER states its length. If the length is indefinite, the end-of-contents bytes are the last."""
    if head.startswith(b"MI"):
        return None
    if not head.startswith(b"\x30"):
        return tail.rstrip().endswith((b"-----END PKCS7-----", b"-----END CMS-----"))
    count = head[1] & 0x7F
    if head[1] == 0x80:
        return tail.endswith(bytes(4))
    length = int.from_bytes(head[2 : 2 + count], "big") + count if head[1] > 0x80 else head[1]
    padding = size - length - 2
    return padding == 0 or (0 < padding < len(tail) and not tail[-padding:].strip(_PADDING))


class Boxes:
    """Follows the boxes of an MP4 file (ISO/IEC 14496-12, section 4.2), each of which states its length."""

    def __init__(self) -> None:
        self._header = b""
        self._left = 0  # bytes of the current box
        self._is_readable = True  # False from the first bytes that are no box, or in a box that lasts to the end

    def feed(self, chunk: bytes) -> None:
        """Note the next bytes."""
        place = 0
        while self._is_readable and place < len(chunk):
            if self._left:
                passed = min(self._left, len(chunk) - place)
                self._left, place = self._left - passed, place + passed
            else:
                missing = (16 if self._header[:4] == b"\0\0\0\1" else 8) - len(self._header)
                self._header += chunk[place : place + missing]
                place += missing
                self._begin()

    def _begin(self) -> None:
        """Start the next box if its header is complete."""
        size = int.from_bytes(self._header[:4], "big")
        if len(self._header) < (16 if size == 1 else 8):
            return
        length = int.from_bytes(self._header[8:16], "big") if size == 1 else size
        self._is_readable = length >= len(self._header) and self._header[4:8].isascii()
        self._left, self._header = length - len(self._header), b""

    @property
    def shows_end(self) -> bool | None:
        """Whether the last box is complete; None if that cannot be known."""
        return not self._left and not self._header.strip(_PADDING) if self._is_readable else None


_ENDINGS: Mapping[str, _Ending] = {
    PDF: _pdf,
    RTF: _ends(b"}"),
    "image/jpeg": _ends(b"\xff\xd9"),
    "image/png": _ends(b"IEND\xaeB`\x82"),
    "image/gif": _ends(b";"),
    "image/webp": _riff,
    "audio/wav": _riff,
    "image/bmp": _bitmap,
    ZIP: _zip,
    "application/x-7z-compressed": _seven_zip,
    CMS: _envelope,
}
