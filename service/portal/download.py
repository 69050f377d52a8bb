"""The bytes of one document on their way from the portal."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager

import aiohttp

from service.domain.content_types import charset_of
from service.domain.errors import ErrorCode
from service.portal.decoding import codings, decoded
from service.portal.errors import Unavailable
from service.portal.no_answer import in_words

MINIMUM_RATE = 1024  # bytes a second, over a window: slower is as good as stuck
WINDOW = 30.0  # seconds spent waiting for bytes


@contextmanager
def transport_errors() -> Iterator[None]:
    """Translate what aiohttp raises. Around its own calls only: a caller's body may fail with the same types."""
    try:
        yield
    except aiohttp.ClientPayloadError as error:
        raise Unavailable(ErrorCode.TRUNCATED, "the answer was cut short") from error
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise Unavailable(ErrorCode.PORTAL_UNAVAILABLE, in_words(error)) from error


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body of a short answer. Raises `Unavailable`, also for one of more than `limit` bytes."""
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
    """An answer whose body has not been read."""

    def __init__(self, response: aiohttp.ClientResponse, release: Callable[[], Awaitable[None]]) -> None:
        """`release` ends the call to the portal.

        Raises `Unavailable` for a body that is encoded in a way that is not known.
        """
        self._response = response
        self._release = release
        self._codings = _codings_of(response)

    @property
    def content_type(self) -> str:
        """What the portal says the bytes are."""
        return self._response.content_type

    @property
    def charset(self) -> str | None:
        """In what the portal says that a text is written. Some documents say otherwise of themselves."""
        return charset_of(self._response.headers.get("Content-Type", ""))

    @property
    def content_length(self) -> int | None:
        """Bytes that the portal promised in the header, if it did. Of a compressed body it promises nothing."""
        length = self._response.content_length
        return None if length and self._codings else length

    @property
    def is_framed(self) -> bool:
        """Whether HTTP tells where the body ends, or its compression does.

        If not, the end of the connection is all there is, cut or not.
        """
        chunked = self._response.headers.get("Transfer-Encoding", "").strip().lower().endswith("chunked")
        return chunked or bool(self._codings) or self._response.content_length is not None

    async def release(self) -> None:
        """After the last byte: let others ask the portal while these bytes are still on their way to the store.

        In the task that opened the download.
        """
        await self._release()

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as they come. Raises `Unavailable` where they come too slowly, or cannot be decoded."""
        return decoded(self._chunks(), self._codings) if self._codings else self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        waited, received = 0.0, 0
        while True:
            # Only the portal's time counts: between two chunks the object store may be the slow one.
            asked_at = clock()
            with transport_errors():
                chunk = await self._response.content.readany()
            if not chunk:
                return
            waited, received = waited + clock() - asked_at, received + len(chunk)
            if waited >= WINDOW:
                if received < MINIMUM_RATE * WINDOW:
                    raise Unavailable(ErrorCode.TOO_SLOW, "the document comes too slowly")
                waited, received = 0.0, 0
            yield chunk
