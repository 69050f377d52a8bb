"""Decodes bodies that arrive compressed although we ask for `identity`.

aiohttp's own decoding is off: it accepts a truncated gzip stream as complete.
"""

import re
import sys
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
ZSTD_WINDOW = 23  # bits: 8 MiB, the limit for HTTP (RFC 9659); without it, a body could ask for 128 MiB and more
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPED_FRAME = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")


class _Damaged(Exception):
    """The bytes are not of this coding."""


class _Inflater:
    """Decodes one coding. Some servers send `deflate` without the zlib header."""

    def __init__(self, coding: str) -> None:
        self._is_gzip = coding != "deflate"
        self._pending = b""
        self._engine: Any = None  # zlib does not name the type
        self._members = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Decode `chunk`, in pieces of at most `DECODED_BYTES` bytes. Raises `_Damaged`."""
        self._pending += chunk
        while self._engine is not None or self._begin():
            try:
                piece = self._advance()
            except zlib.error as error:
                raise _Damaged from error
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


class _Unbrotli:
    """Decodes Brotli (RFC 7932). Its window takes up to 16 MiB. Bytes after the end are damage."""

    def __init__(self, _coding: str) -> None:
        # Imported here: few processes ever need it, and it takes 5 MB.
        import brotli  # noqa: PLC0415

        self._engine = brotli.Decompressor()
        self._error: type[Exception] = brotli.error
        self._has_begun = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Decode `chunk`, in pieces of at most twice `DECODED_BYTES` bytes. Raises `_Damaged`."""
        self._has_begun |= bool(chunk)
        if chunk and self._engine.is_finished():
            raise _Damaged
        try:
            while not self._engine.is_finished():
                piece: bytes = self._engine.process(chunk, output_buffer_limit=DECODED_BYTES)
                if piece:
                    yield piece
                chunk = b""
                if self._engine.can_accept_more_data():
                    return
        except self._error as error:
            raise _Damaged from error

    @property
    def is_cut_off(self) -> bool:
        """True if the stream ended too early."""
        return self._has_begun and not self._engine.is_finished()


class _Unzstd:
    """Decodes Zstandard (RFC 8878). A body may have several frames; bytes after the last one are ignored."""

    def __init__(self, _coding: str) -> None:
        self._pending = b""
        self._engine: Any = None
        self._frames = 0
        self._zstd = _import_zstd()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Decode `chunk`, in pieces of at most `DECODED_BYTES` bytes. Raises `_Damaged`."""
        self._pending += chunk
        while self._engine is not None or self._begin():
            data, self._pending = self._pending, b""
            try:
                piece: bytes = self._engine.decompress(data, DECODED_BYTES)
            except self._zstd.ZstdError as error:
                raise _Damaged from error
            needs_input = not self._engine.eof and self._engine.needs_input
            if self._engine.eof:
                self._pending, self._engine = self._engine.unused_data, None
                self._frames += 1
            if piece:
                yield piece
            if needs_input:
                return

    @property
    def is_cut_off(self) -> bool:
        """True if the stream ended too early."""
        return self._engine is not None or (self._frames == 0 and bool(self._pending))

    def _begin(self) -> bool:
        if len(self._pending) < 4:
            return False
        if self._frames and not (self._pending.startswith(_ZSTD_MAGIC) or _SKIPPED_FRAME.match(self._pending)):
            self._pending = b""
            return False
        limit = {self._zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW}
        self._engine = self._zstd.ZstdDecompressor(options=limit)
        return True


def _import_zstd() -> Any:
    # Imported here: few processes ever need it.
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415
    else:
        from backports import zstd  # noqa: PLC0415
    return zstd


_Decoder = _Inflater | _Unbrotli | _Unzstd
_DECODERS: Mapping[str, type[_Decoder]] = {
    **dict.fromkeys(("gzip", "x-gzip", "deflate"), _Inflater),
    "br": _Unbrotli,
    "zstd": _Unzstd,
}


def codings(header: str) -> tuple[str, ...]:
    """Return the codings of a Content-Encoding, in the order in which they were applied. Raises `Unavailable`."""
    named = [each.strip().lower() for each in header.split(",")]
    found = tuple(each for each in named if each not in _NONE)
    if len(found) > CODINGS_MAX or any(each not in _DECODERS for each in found):
        raise Unavailable(ErrorCode.ENCODING_REFUSED, "the answer is encoded in a way that is not known")
    return found


async def decoded(chunks: AsyncIterator[bytes], names: Sequence[str]) -> AsyncGenerator[bytes, None]:
    """Decode `chunks`. Raises `Unavailable` if they are damaged, cut off, or grow too much (`GROWTH_MAX`)."""
    decoders = [_DECODERS[name](name) for name in reversed(names)]
    received = made = 0
    async for chunk in chunks:
        received += len(chunk)
        for piece in _through(decoders, chunk):
            made += len(piece)
            if made > max(GROWTH_FROM, GROWTH_MAX * received):
                raise Unavailable(ErrorCode.ENCODING_REFUSED, "the compressed answer grows without measure")
            yield piece
    if any(each.is_cut_off for each in decoders):
        raise Unavailable(ErrorCode.TRUNCATED, "the compressed answer was cut short")


def _through(decoders: Sequence[_Decoder], chunk: bytes) -> Iterator[bytes]:
    if not decoders:
        yield chunk
        return
    first, *rest = decoders
    try:
        for piece in first.feed(chunk):
            yield from _through(rest, piece)
    except _Damaged as error:
        raise Unavailable(ErrorCode.ENCODING_REFUSED, "the compressed answer cannot be read") from error
