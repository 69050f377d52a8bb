"""Decodes bodies that arrive compressed although we ask for `identity`.

aiohttp's own decoding is off: it accepts a truncated gzip stream as complete.
"""

import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from service.domain.errors import ErrorCode
from service.portal.errors import Unavailable

DECODED_BYTES = 256 * 1024  # bytes decoded at a time
CODINGS_MAX = 2  # nested: a gateway may compress a body that is compressed already
#: Bytes of output. Above this, a body that grows more than `GROWTH_MAX` times is refused. Text grows about ten times.
GROWTH_FROM = 16 * 1024 * 1024
GROWTH_MAX = 200

_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS  # zlib's `wbits` for the three formats
_NONE = frozenset({"", "identity"})
_GZIP_MAGIC = b"\x1f\x8b"


class _Inflater:
    """Decodes one coding. Some servers send `deflate` without the zlib header."""

    def __init__(self, coding: str) -> None:
        self._is_gzip = coding != "deflate"
        self._pending = b""
        self._engine: Any = None  # zlib does not name the type
        self._members = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Decode `chunk`, in pieces of at most `DECODED_BYTES` bytes. Raises `zlib.error`."""
        self._pending += chunk
        while self._engine is not None or self._begin():
            piece = self._advance()
            if piece:
                yield piece
            if self._engine is not None and not self._pending and len(piece) < DECODED_BYTES:
                return

    @property
    def is_cut_off(self) -> bool:
        """True if the stream ended too early."""
        return self._engine is not None or (self._members == 0 and bool(self._pending))

    def _begin(self) -> bool:
        """Start a stream. A gzip body may have several members; bytes after the last one are ignored."""
        if len(self._pending) < 2:
            return False
        if self._members and not (self._is_gzip and self._pending.startswith(_GZIP_MAGIC)):
            self._pending = b""
            return False
        self._engine = zlib.decompressobj(_GZIP if self._is_gzip else _deflate_format(self._pending))
        return True

    def _advance(self) -> bytes:
        engine = self._engine
        if engine is None:
            return b""
        piece: bytes = engine.decompress(self._pending, DECODED_BYTES)
        self._pending = engine.unused_data if engine.eof else engine.unconsumed_tail
        if engine.eof:
            self._engine = None
            self._members += 1
        return piece


def _deflate_format(start: bytes) -> int:
    """The two bytes of a zlib header are a multiple of 31; the first names the method (RFC 1950, section 2.2)."""
    has_header = start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0
    return _ZLIB if has_header else _RAW


_INFLATERS: Mapping[str, type[_Inflater]] = dict.fromkeys(("gzip", "x-gzip", "deflate"), _Inflater)


def codings(header: str) -> tuple[str, ...]:
    """Return the codings of a Content-Encoding, in the order in which they were applied. Raises `Unavailable`."""
    named = [each.strip().lower() for each in header.split(",")]
    found = tuple(each for each in named if each not in _NONE)
    if len(found) > CODINGS_MAX or any(each not in _INFLATERS for each in found):
        raise Unavailable(ErrorCode.ENCODING_REFUSED, "the answer is encoded in a way that is not known")
    return found


async def decoded(chunks: AsyncIterator[bytes], names: Sequence[str]) -> AsyncGenerator[bytes, None]:
    """Decode `chunks`. Raises `Unavailable` if they are damaged, cut off, or grow too much (`GROWTH_MAX`)."""
    inflaters = [_INFLATERS[name](name) for name in reversed(names)]
    received = made = 0
    async for chunk in chunks:
        received += len(chunk)
        for piece in _through(inflaters, chunk):
            made += len(piece)
            if made > max(GROWTH_FROM, GROWTH_MAX * received):
                raise Unavailable(ErrorCode.ENCODING_REFUSED, "the compressed answer grows without measure")
            yield piece
    if any(each.is_cut_off for each in inflaters):
        raise Unavailable(ErrorCode.TRUNCATED, "the compressed answer was cut short")


def _through(inflaters: Sequence[_Inflater], chunk: bytes) -> Iterator[bytes]:
    if not inflaters:
        yield chunk
        return
    first, *rest = inflaters
    try:
        for piece in first.feed(chunk):
            yield from _through(rest, piece)
    except zlib.error as error:
        raise Unavailable(ErrorCode.ENCODING_REFUSED, "the compressed answer cannot be read") from error
