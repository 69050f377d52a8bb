"""Server-Sent Events as this service sends them."""

from collections.abc import AsyncIterator

import anyio
import msgspec
import structlog
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Message, Receive, Scope, Send

KEEP_ALIVE = 15.0  # seconds between comments; proxies close connections that are silent for 30 or 60
EVENT_SEND_TIMEOUT = 30.0  # seconds; a client that reads nothing for longer is cut off, and can connect again
FAREWELL_TIMEOUT = 1.0  # seconds to complete a response when the server stops
RETRY = 3000  # milliseconds that a browser waits before it connects again


def encoded(event: str, value: msgspec.Struct, *, retry: int | None = None) -> bytes:
    """One event with its value as JSON, encoded once for any number of listeners. `retry`: milliseconds.

    It has no `id`, because a stream is not resumed: it begins with a snapshot.
    """
    return framed(event, msgspec.json.encode(value), retry=retry)


def framed(event: str, content: bytes, *, retry: int | None = None) -> bytes:
    """One event with encoded JSON. It is not searched for line breaks, which JSON does not have."""
    comes_back = b"" if retry is None else b"retry: %d\r\n" % retry
    return b"".join((b"event: ", event.encode(), b"\r\ndata: ", content, b"\r\n", comes_back, b"\r\n"))


class EventStream(EventSourceResponse):
    """Sends events until they end, the client goes away or reads nothing, or the server stops.

    The library adds the headers against caches and buffering proxies, the response to HEAD and the comments.
    """

    def __init__(
        self, events: AsyncIterator[bytes], *, keep_alive: float = KEEP_ALIVE, send_timeout: float = EVENT_SEND_TIMEOUT
    ) -> None:
        super().__init__(events, ping=keep_alive, ping_message_factory=_keep_alive_comment, send_timeout=send_timeout)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Also completes a response that a stopping server has cancelled: uvicorn would log it as an error."""
        is_open = False

        async def send_noted(message: Message) -> None:
            nonlocal is_open
            is_open = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        try:
            await super().__call__(scope, receive, send_noted)
        except SendTimeoutError:
            structlog.get_logger().info("event_stream_cut", reason="the client does not read")
            return
        if is_open:
            with anyio.move_on_after(FAREWELL_TIMEOUT):
                await send({"type": "http.response.body", "body": b"", "more_body": False})


def _keep_alive_comment() -> ServerSentEvent:
    return ServerSentEvent(comment="keep-alive")
