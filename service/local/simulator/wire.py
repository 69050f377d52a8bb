"""The connection below HTTP, for answers that no HTTP server would send."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Mapping
from http import HTTPStatus

from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_EXTENSION = "autos.connection"
_PROTOCOL = "protocol"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, no time: close() sends RST, not FIN


class OpenHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which also hands itself to the application."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {_PROTOCOL: self}}


class Wire:
    """Writes raw bytes to the client of one request. `finish` or `reset` ends the request."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        protocol = _protocol_of(scope)
        if protocol is None:
            raise TypeError("this fault needs a server started with OpenHttpProtocol")
        self._protocol = protocol
        self._receive = receive

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """The status line and headers, and nothing beyond them: no length, no date, no encoding is added."""
        fields = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        await self.write(f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{fields}\r\n".encode("latin-1"))

    async def write(self, data: bytes) -> None:
        """Waits while the client is slower than the portal; does nothing once it has gone."""
        if self.is_gone:
            return
        self._protocol.transport.write(data)
        if self._protocol.flow.write_paused:
            await self._protocol.flow.drain()

    @property
    def is_gone(self) -> bool:
        return self._protocol.transport.is_closing()

    async def finish(self) -> None:
        """Ends the connection in good order (FIN) after all that was written."""
        self._protocol.transport.close()
        await disconnected(self._receive)

    async def reset(self) -> None:
        """Breaks the connection (RST) after all that was written has left this process."""
        transport = self._protocol.transport
        transport.set_write_buffer_limits(high=0)  # so that draining means: nothing left in this process
        if self._protocol.flow.write_paused:
            await self._protocol.flow.drain()
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
        await disconnected(self._receive)


def is_gone(scope: Scope) -> bool:
    """Whether the connection of a request is closed or about to be; always False without OpenHttpProtocol."""
    protocol = _protocol_of(scope)
    return protocol is not None and protocol.transport.is_closing()


def _protocol_of(scope: Scope) -> OpenHttpProtocol | None:
    protocol = scope.get("extensions", {}).get(_EXTENSION, {}).get(_PROTOCOL)
    return protocol if isinstance(protocol, OpenHttpProtocol) else None


async def pause(receive: Receive, seconds: float) -> None:
    """Waits for `seconds`, or until the client has gone."""
    if seconds > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await disconnected(receive)


async def disconnected(receive: Receive) -> None:
    """Returns when the connection of the request is gone."""
    while (await receive())["type"] != "http.disconnect":
        continue
