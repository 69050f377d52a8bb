"""Reads bodies of HTTP answers: a document as a stream, a short answer as a whole."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager

import aiohttp

from service.domain.content_types import charset_of
from service.domain.errors import ErrorCode
from service.portal.decoding import codings, decoded
from service.portal.errors import Unavailable
from service.portal.no_answer import in_words

MINIMUM_RATE = 1024  # bytes per second over a window; a slower transfer is given up
SPEED_WINDOW = 30.0  # seconds spent waiting for bytes


@contextmanager
def transport_errors() -> Iterator[None]:
    """Turn errors of aiohttp into `Unavailable`. Wrap only its own calls: other code may raise the same types."""
    try:
        yield
    except aiohttp.ClientPayloadError as error:
        raise Unavailable(ErrorCode.TRUNCATED, "the answer was cut short") from error
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise Unavailable(ErrorCode.PORTAL_UNAVAILABLE, in_words(error)) from error


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the whole body of a short answer. Raises `Unavailable`, also if it has more than `limit` bytes."""
    body = bytearray()
    async with aclosing(decoded(_received(response), _codings_of(response))) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                raise Unavailable(ErrorCode.PORTAL_ANSWER_INVALID, "the answer is too long")
    return bytes(body)


async def _received(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    with transport_errors():
        while chunk := await response.content.readany():
            yield chunk


def _codings_of(response: aiohttp.ClientResponse) -> tuple[str, ...]:
    return codings(",".join(response.headers.getall("Content-Encoding", ())))


class Download:
    """An answer with status 200, before its body is read."""

    def __init__(self, response: aiohttp.ClientResponse, release: Callable[[], Awaitable[None]]) -> None:
        """`release` ends the call to the portal.

        Raises `Unavailable` if the Content-Encoding is unknown.
        """
        self._response = response
        self._release = release
        self._codings = _codings_of(response)

    @property
    def content_type(self) -> str:
        """The MIME type in the header."""
        return self._response.content_type

    @property
    def charset(self) -> str | None:
        """The charset in the header. Some documents declare another one themselves."""
        return charset_of(self._response.headers.get("Content-Type", ""))

    @property
    def content_length(self) -> int | None:
        """Bytes of the document by the header; None without header, or if the body is compressed."""
        length = self._response.content_length
        return None if length and self._codings else length

    @property
    def is_framed(self) -> bool:
        """True if HTTP or the compression shows where the body ends.

        If False, a body that was cut off looks like a complete one.
        """
        chunked = self._response.headers.get("Transfer-Encoding", "").strip().lower().endswith("chunked")
        return chunked or bool(self._codings) or self._response.content_length is not None

    async def release(self) -> None:
        """Free the slot at the portal after the last byte, while the bytes are still being written to the store.

        Call it in the task that opened the download.
        """
        await self._release()

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes. Raises `Unavailable` if they arrive too slowly or cannot be decoded."""
        return decoded(self._chunks(), self._codings) if self._codings else self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        waited, received = 0.0, 0
        while True:
            # Only the time spent waiting for the portal counts: between two chunks we may wait for the object store.
            asked_at = clock()
            with transport_errors():
                chunk = await self._response.content.readany()
            if not chunk:
                return
            waited, received = waited + clock() - asked_at, received + len(chunk)
            if waited >= SPEED_WINDOW:
                if received < MINIMUM_RATE * SPEED_WINDOW:
                    raise Unavailable(ErrorCode.TOO_SLOW, "the document comes too slowly")
                waited, received = 0.0, 0
            yield chunk
