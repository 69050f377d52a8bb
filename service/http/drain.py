"""Drains an API process: for some seconds it still serves and announces its end, then its sockets are closed.

A proxy may send a request on a kept or a new connection at the time when the server closes it. If that is a POST, it
is lost: proxies do not retry it. So each connection is closed by a response that announces it, and the listening
socket is closed only when no more connections come in.
"""

import asyncio
import ctypes
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Self

import structlog
import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ACCEPT_REST = 0.3  # seconds in which connections made before the filter was set are accepted

_SO_ATTACH_FILTER = 26  # of Linux; the socket module does not name it
_TCP_FLAGS, _SYN = 13, 0x02  # offset of the flags in the TCP header, and the flag of a packet that opens a connection
_LOAD_BYTE, _JUMP_IF_SET, _RETURN = 0x30, 0x45, 0x06  # of the classic BPF
#: Drop packets with SYN, let all others through.
_REFUSE_SYN = (
    (_LOAD_BYTE, 0, 0, _TCP_FLAGS),
    (_JUMP_IF_SET, 0, 1, _SYN),
    (_RETURN, 0, 0, 0),
    (_RETURN, 0, 0, 0xFFFFFFFF),
)

Handler = Callable[[int, FrameType | None], object]


class Drain:
    """Begins at SIGTERM and lasts some seconds; then the server's own signal handler runs."""

    def __init__(self, seconds: float) -> None:
        self.is_on = False
        self._seconds = seconds
        self._server_handler: Handler | None = None

    @property
    def should_exit(self) -> bool:
        """True once the server shuts down. sse-starlette reads it from the object whose method handles SIGTERM."""
        return bool(getattr(self._server, "should_exit", False))

    @contextmanager
    def on_sigterm(self) -> Iterator[Self]:
        """Handle SIGTERM before the existing handler. Without seconds, a handler or the main thread: do nothing."""
        handler = signal.getsignal(signal.SIGTERM)
        is_main = threading.current_thread() is threading.main_thread()
        if not callable(handler) or not is_main or not self._seconds:
            yield self
            return
        self._loop, self._server_handler = asyncio.get_running_loop(), handler
        signal.signal(signal.SIGTERM, self._begin)
        try:
            yield self
        finally:
            signal.signal(signal.SIGTERM, handler)

    def _begin(self, _number: int, _frame: FrameType | None) -> None:
        # A second signal ends the server at once.
        self._loop.call_soon_threadsafe(self._end if self.is_on else self._announce)
        self.is_on = True

    def _announce(self) -> None:
        structlog.get_logger().info("draining", seconds=self._seconds)
        self._loop.call_later(self._seconds, self._let_nobody_in)

    def _let_nobody_in(self) -> None:
        for number in self._listening():
            refuse_connections(number)
        self._loop.call_later(ACCEPT_REST, self._end)

    def _end(self) -> None:
        if self._server_handler is not None and not self.should_exit:
            self._server_handler(signal.SIGTERM, None)

    def _listening(self) -> list[int]:
        """Descriptors of the sockets that only this process listens on: others may still accept on a shared one."""
        server = self._server
        if server is None or server.config.workers > 1 or server.config.fd is not None:
            return []
        return [each.fileno() for opened in getattr(server, "servers", ()) for each in opened.sockets]

    @property
    def _server(self) -> uvicorn.Server | None:
        """The server, if it is uvicorn: its signal handler is a method of the server."""
        server = getattr(self._server_handler, "__self__", None)
        return server if isinstance(server, uvicorn.Server) else None


class ConnectionMiddleware:
    """Removes the application's `Connection` headers, and sets `Connection: close` while the process drains."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pure ASGI, as the other middleware."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_connection(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # sse-starlette sets one: with the server's own there would be two.
                del headers["Connection"]
                if is_draining(scope):
                    headers["Connection"] = "close"
            await send(message)

        await self._app(scope, receive, send_with_connection)


def is_draining(scope: Scope) -> bool:
    """Whether the process that got this request is draining."""
    drain = scope.get("state", {}).get("drain")
    return isinstance(drain, Drain) and drain.is_on


def refuse_connections(descriptor: int) -> None:
    """Make a listening socket drop new connections, but keep those that are open or being opened.

    Closing it instead would reset connections that are not accepted yet, with the requests on them. New clients get no
    response until the socket is closed, and are refused then, so proxies try another server. If the system has no such
    filter, nothing changes.
    """
    program = b"".join(struct.pack("HBBI", *each) for each in _REFUSE_SYN)
    kept = ctypes.create_string_buffer(program)
    described = struct.pack("HP", len(_REFUSE_SYN), ctypes.addressof(kept))
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
