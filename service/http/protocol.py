"""uvicorn's HTTP protocol, with limits on sizes, connections and waiting times.

uvicorn with httptools limits neither the size of headers nor the time to send them, and keeps a client that does not
read for ever. `uvicorn --http service.http.protocol:BoundedHttpProtocol` serves with these limits.
"""

import asyncio
import heapq
import resource
import select
from collections.abc import Iterator
from typing import Any, ClassVar, cast
from uuid import uuid4

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.http import request_id
from service.http.problems import Problem
from service.http.security_headers import SECURITY_HEADERS

RESERVED_DESCRIPTORS = 256  # file descriptors that clients do not get: for connections to PostgreSQL, Redis, S3 ...


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. The limits are class attributes, so that tests can lower them."""

    head_timeout: ClassVar[float] = 10.0  # seconds from the first chance to send a request to the end of its headers
    # Seconds between two requests. Longer than proxies keep connections, most of them 60: if this side closed first, a
    # request on its way could be lost.
    keep_alive: ClassVar[float] = 75.0
    # Seconds to wait for a request on a new connection, or after a response, when the server stops.
    first_request_grace: ClassVar[float] = 0.5
    send_timeout: ClassVar[float] = 60.0  # seconds in which a client that is behind must read something
    check_interval: ClassVar[float] = 5.0  # seconds between two checks of a connection
    max_connections: ClassVar[int] = 4000  # of one process, unless its descriptors allow fewer
    max_head: ClassVar[int] = 64 * 1024  # bytes of unfinished headers; the application measures finished ones
    max_rest: ClassVar[int] = 4 * 1024 * 1024  # bytes after the headers: received even if no operation reads them
    max_pipelined: ClassVar[int] = 16  # requests on one connection that wait for earlier responses

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Start the checks of the connection, and close others if there are too many."""
        super().connection_made(transport)
        self._is_head = True
        self._parts = 0  # heads (request line and headers) and messages that were received to their end
        self._size = 0  # bytes of the unfinished part
        self._unsent = 0
        self._is_ending = False
        self.idle_since = self._moved_at = self.loop.time()
        self._check = self.loop.call_later(self.check_interval, self._look)
        if len(self.connections) > self._limit():
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the checks."""
        self._check.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Refuse a head or a body that grows too large before it ends."""
        parts = self._parts
        super().data_received(data)
        self._size = self._size + len(data) if self._parts == parts else 0
        if self.transport.is_closing():
            return
        if self._is_head and self._size > self.max_head:
            self._refuse(Problem("headers_too_large", "The path, the query and the headers are too long."))
        elif not self._is_head and self._size > self.max_rest:
            self._refuse(Problem("body_too_large", "The body is larger than any that is read."))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Ignore trailers, the headers after a body: uvicorn would add them to the request's headers."""
        if self._is_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin a request. An exception raised here leads to a 400 response."""
        if len(self.pipeline) >= self.max_pipelined:
            raise ValueError("too many requests wait on this connection")
        self._is_head = False
        self._parts += 1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next head."""
        self._is_head = True
        self._parts += 1
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Respond to HTTP/1.0 without chunks, which it does not know: closing the connection ends the body."""
        if cycle.scope["http_version"] != "1.1":
            app = _ended_by_closing(cycle, app)
        super()._start_asgi_task(cycle, app)

    def shutdown(self) -> None:
        """Called when the server stops. Close the connection as soon as no request can be lost with it."""
        answering = self._answering
        if answering is None:
            self._close_unused()
        elif not answering.response_started:
            super().shutdown()
        else:
            # This response does not announce the close: the client may send its next request right after it.
            self._is_ending = True

    def _close_unused(self) -> None:
        """Close it, unless a request is already in the socket, or may still come on a new connection."""
        grace = 0.0 if self._parts else self.first_request_grace + self.idle_since - self.loop.time()
        if grace > 0:
            self.loop.call_later(grace, self._close_unused)
        elif self._answering is not None:
            self.shutdown()
        elif not self.transport.is_closing() and (self._size or _is_readable(self.transport)):
            self.loop.call_later(0.05, self._close_unused)
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Restart the time limit: the rest of this request, or the next one, must come within it."""
        self.idle_since = self.loop.time()
        super().on_response_complete()
        if self._is_ending:
            self.loop.call_later(self.first_request_grace, self._close_unused)

    def resume_writing(self) -> None:
        """Note that the client reads."""
        self._moved_at = self.loop.time()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (uvicorn's own words, in plain text)
        """Respond with a problem, instead of plain text."""
        self._refuse(Problem("http_error", "The request is not valid HTTP."))

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: any client may ask for another protocol, and is served without it."""

    @property
    def is_idle(self) -> bool:
        """Whether the server waits for the client: for the rest of an answered request, or for the next one."""
        return not self.transport.is_closing() and self._answering is None

    @property
    def _answering(self) -> RequestResponseCycle | None:
        """The newest request, until its response is complete."""
        newest = cast("RequestResponseCycle | None", self.cycle)
        return None if newest is None or newest.response_complete else newest

    @property
    def _patience(self) -> float:
        """Seconds that the client may take: `keep_alive` between two requests, `head_timeout` at any other time."""
        return self.keep_alive if self._is_head and self._parts and not self._size else self.head_timeout

    def _look(self) -> None:
        self._check = self.loop.call_later(self.check_interval, self._look)
        now = self.loop.time()
        if self._is_stuck(now):
            self.transport.abort()
        elif self.is_idle and now - self.idle_since > self._patience:
            if self._is_head and self._size:
                self._refuse(Problem("request_timeout", "The headers did not come in time."))
            else:
                self.transport.close()

    def _is_stuck(self, now: float) -> bool:
        """Whether the client has read nothing for `send_timeout` seconds, although data waits or we are closing."""
        unsent = self.transport.get_write_buffer_size()
        is_behind = self.flow.write_paused or self.transport.is_closing()
        if unsent < self._unsent or not is_behind:
            self._moved_at = now
        self._unsent = unsent
        return now - self._moved_at > self.send_timeout

    def _limit(self) -> int:
        soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        is_unlimited = soft == resource.RLIM_INFINITY
        return self.max_connections if is_unlimited else min(self.max_connections, soft - RESERVED_DESCRIPTORS)

    def _make_room(self) -> None:
        """Close those that have been idle longest, else this one. A tenth of all, so that a flood costs little."""
        # uvicorn keeps the connections of all its protocols in one set; this server has no other protocol.
        others = cast("Iterator[BoundedHttpProtocol]", (each for each in self.connections if each is not self))
        idle = [each for each in others if each.is_idle]
        oldest = heapq.nsmallest(max(1, len(self.connections) // 10), idle, key=lambda each: each.idle_since)
        for each in oldest or [self]:
            each.transport.abort()

    def _refuse(self, problem: Problem) -> None:
        """Respond with a problem if no response has begun and none is queued, and close the connection."""
        answering = self._answering
        if not self.pipeline and not (answering is not None and answering.response_started):
            identity = uuid4().hex
            structlog.get_logger().info(
                "request_refused",
                request_id=identity,
                status=problem.status,
                code=problem.code,
                **request_id.addresses(self.client),
            )
            self.transport.write(_rendered(problem, identity))
        self.transport.close()


def _is_readable(transport: asyncio.BaseTransport) -> bool:
    """Whether the socket has data that was not read yet."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _ended_by_closing(cycle: RequestResponseCycle, app: ASGIApp) -> Any:
    """Wrap `app`: a response of unknown length is sent without chunks, by the two fields that uvicorn looks at."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        is_delimited = True

        async def send_plainly(message: Message) -> None:
            nonlocal is_delimited
            if message["type"] == "http.response.start":
                is_delimited = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
                cycle.chunked_encoding = None if is_delimited else False
            elif message["type"] == "http.response.body" and not is_delimited:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_plainly)

    return answer


def _rendered(problem: Problem, identity: str) -> bytes:
    """The bytes of a response to a request that never reaches the application."""
    response = problem.response()
    headers = MutableHeaders(raw=response.raw_headers)
    headers.update({**SECURITY_HEADERS, request_id.HEADER: identity, "Connection": "close"})
    lines = [name + b": " + value + b"\r\n" for name, value in headers.raw]
    return b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", bytes(response.body)])
