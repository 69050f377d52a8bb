"""The bytes of documents on their way out, right or wrong."""

import asyncio
import itertools
import secrets
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from service.local.simulator.answers import fault_answer
from service.local.simulator.cases.cases import CaseDocument, Kind
from service.local.simulator.cases.content import check_size, content_chunks
from service.local.simulator.cases.filler import filler
from service.local.simulator.faults import ANYWHERE, Fault, FaultKind
from service.local.simulator.journal import FLIGHT
from service.local.simulator.wire import Wire, is_gone

_PACES_PER_SECOND = 10
_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}  # zlib's numbers
_Body = Iterable[bytes]


class WireResponse(Response):
    """Writes its own status line, headers and bytes to the socket, then ends or breaks the connection."""

    def __init__(self, headers: dict[str, str], chunks: _Body, *, reset: bool = False) -> None:
        super().__init__()
        self._raw = {**headers, "Connection": "close"}
        self._chunks = chunks
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        wire = Wire(scope, receive)
        scope[FLIGHT].answered(self.status_code)
        await wire.start(self.status_code, self._raw)
        for chunk in self._chunks:
            await wire.write(chunk)
            if wire.is_gone:
                break
        scope[FLIGHT].land()
        await (wire.reset() if self._reset else wire.finish())


def right_answer(
    document: CaseDocument, request: Request, bytes_per_second: int, completed: Callable[[], None]
) -> Response:
    """The document as it is; `completed` is called after its last byte. 0 bytes per second: no limit."""
    return _stream(document, _paced(content_chunks(document), request, bytes_per_second, completed))


def faulty_answer(fault: Fault, document: CaseDocument, request: Request) -> Response:
    """The answer for a kind of `faults.IN_DOCUMENTS`. Raises ValueError for a size too small for the kind."""
    if fault.kind in ANYWHERE:
        return fault_answer(fault, request)
    makers: dict[FaultKind, Callable[[Fault, CaseDocument, Request], Response]] = {
        FaultKind.TRUNCATED_WITH_LENGTH: _truncated_with_length,
        FaultKind.TRUNCATED_WITHOUT_LENGTH: _truncated_without_length,
        FaultKind.RESET: _reset,
        FaultKind.LONGER_THAN_DECLARED: _longer_than_declared,
        FaultKind.LONGER_THAN_LENGTH: _longer_than_length,
        FaultKind.UNASKED_GZIP: _gzipped,
        FaultKind.OTHER_SIZE: _other_size,
        FaultKind.HTML_AS_PDF: _html_as_pdf,
        FaultKind.SLOW_DRIP: _dripping,
        FaultKind.NO_CONTENT_LENGTH: _without_length,
        FaultKind.CLOSE_DELIMITED: _close_delimited,
        FaultKind.MADE_ANEW: _made_anew,
    }
    return makers[fault.kind](fault, document, request)


def _stream(document: CaseDocument, body: AsyncIterator[bytes]) -> Response:
    headers = {"content-type": document.kind.media_type, "content-length": str(document.size)}
    return StreamingResponse(body, headers=headers)


async def _paced(
    chunks: _Body, request: Request, bytes_per_second: int, completed: Callable[[], None]
) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop().time
    start, sent = clock(), 0
    pieces = _cut(chunks, max(1, bytes_per_second // _PACES_PER_SECOND)) if bytes_per_second else chunks
    async for piece in _while_wanted(pieces, request):
        if bytes_per_second:
            await asyncio.sleep(start + sent / bytes_per_second - clock())
        yield piece
        sent += len(piece)
    completed()


async def _while_wanted(chunks: _Body, request: Request) -> AsyncIterator[bytes]:
    """Stop when the client has gone: uvicorn would drop the chunks silently, and they would count as sent."""
    for chunk in chunks:
        yield chunk
        if is_gone(request.scope):
            await asyncio.Event().wait()  # until the response, which listens for the disconnect, cancels this


async def _dripped(document: CaseDocument, request: Request, seconds: float) -> AsyncIterator[bytes]:
    async for byte in _while_wanted(_cut(content_chunks(document), 1), request):
        yield byte
        await asyncio.sleep(seconds)


def _cut(chunks: _Body, length: int) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), length):
            yield chunk[start : start + length]


def _first(document: CaseDocument, after_bytes: int | None) -> Iterator[bytes]:
    left = document.size // 2 if after_bytes is None else after_bytes
    for chunk in content_chunks(document):
        if left <= 0:
            return
        yield chunk[:left]
        left -= len(chunk)


def _prolonged(document: CaseDocument, extra_bytes: int) -> Iterator[bytes]:
    yield from content_chunks(document)
    yield from filler("extra", extra_bytes)


def compressed(fault: Fault, chunks: _Body) -> Iterator[bytes]:
    """The body in the coding of an unasked_gzip; cut after `after_bytes`, if the fault has it."""
    left = sys.maxsize if fault.after_bytes is None else fault.after_bytes
    compressor = _compressor(fault.coding)
    for part in itertools.chain(map(compressor.compress, chunks), (compressor.flush() for _ in "x")):
        yield part[:left]
        left -= len(part[:left])


def _compressor(coding: str) -> Any:
    """An object with `compress` and `flush`. The two that are rarely asked for are imported here."""
    if coding == "br":
        return _Brotli()
    if coding != "zstd":
        return zlib.compressobj(wbits=_WINDOWS[coding])
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415
    else:
        from backports import zstd  # noqa: PLC0415
    return zstd.ZstdCompressor()


class _Brotli:
    """Brotli with the methods of the other compressors."""

    def __init__(self) -> None:
        import brotli  # noqa: PLC0415

        engine = brotli.Compressor(quality=5)
        self.compress: Callable[[bytes], bytes] = engine.process
        self.flush: Callable[[], bytes] = engine.finish


def _raw_headers(document: CaseDocument, *, with_length: bool) -> dict[str, str]:
    length = {"Content-Length": str(document.size)} if with_length else {}
    return {"Content-Type": document.kind.media_type, **length}


def _truncated_with_length(fault: Fault, document: CaseDocument, _request: Request) -> Response:
    return WireResponse(_raw_headers(document, with_length=True), _first(document, fault.after_bytes))


def _truncated_without_length(fault: Fault, document: CaseDocument, _request: Request) -> Response:
    return WireResponse(_raw_headers(document, with_length=False), _first(document, fault.after_bytes))


def _reset(fault: Fault, document: CaseDocument, _request: Request) -> Response:
    return WireResponse(_raw_headers(document, with_length=True), _first(document, fault.after_bytes), reset=True)


def _longer_than_length(fault: Fault, document: CaseDocument, _request: Request) -> Response:
    return WireResponse(_raw_headers(document, with_length=True), _prolonged(document, fault.extra_bytes))


def _close_delimited(_fault: Fault, document: CaseDocument, _request: Request) -> Response:
    return WireResponse(_raw_headers(document, with_length=False), content_chunks(document))


def _longer_than_declared(fault: Fault, document: CaseDocument, request: Request) -> Response:
    return _chunked(document, request, _prolonged(document, fault.extra_bytes))


def _without_length(_fault: Fault, document: CaseDocument, request: Request) -> Response:
    return _chunked(document, request, content_chunks(document))


def _gzipped(fault: Fault, document: CaseDocument, request: Request) -> Response:
    chunks = compressed(fault, content_chunks(document))
    return _chunked(document, request, chunks, **{"content-encoding": fault.coding})


def _chunked(document: CaseDocument, request: Request, chunks: _Body, **headers: str) -> Response:
    """Without Content-Length: uvicorn sends it in chunks."""
    body = _while_wanted(chunks, request)
    return StreamingResponse(body, headers={"content-type": document.kind.media_type, **headers})


def _other_size(fault: Fault, document: CaseDocument, request: Request) -> Response:
    other = replace(document, size=document.size + 1000 if fault.size is None else fault.size)
    check_size(other)
    return _stream(other, _while_wanted(content_chunks(other), request))


def _made_anew(_fault: Fault, document: CaseDocument, request: Request) -> Response:
    """The same size, with other digits in it each time."""
    other = replace(document, revision=1_000_000 + secrets.randbelow(9_000_000))
    return _stream(other, _while_wanted(content_chunks(other), request))


def _html_as_pdf(_fault: Fault, document: CaseDocument, request: Request) -> Response:
    fragment = replace(document, kind=Kind.HTML)
    check_size(fragment)
    return _stream(replace(document, kind=Kind.PDF), _while_wanted(content_chunks(fragment), request))


def _dripping(fault: Fault, document: CaseDocument, request: Request) -> Response:
    return _stream(document, _dripped(document, request, fault.seconds))
