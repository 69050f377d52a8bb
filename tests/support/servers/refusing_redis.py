"""A wire to Redis on which the commands can be answered with an error, as by a server that does no work."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

#: What a client says when it connects: a server that refuses work answers it all the same.
HANDSHAKE = frozenset({b"AUTH", b"CLIENT", b"HELLO", b"SELECT"})


class RefusingRedis:
    """Passes commands on one by one; while it has an `error`, the answer to each is that one."""

    def __init__(self, host: str, port: int) -> None:
        self.error: str | None = None  #: as in the protocol, with its code first
        self.refused = 0  #: commands that were answered with an error
        self._upstream = (host, port)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """asyncio's handler for every connection."""
        server_reader, server_writer = await asyncio.open_connection(*self._upstream)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                name, command = await _command(reader)
                if self.error is not None and name not in HANDSHAKE:
                    self.refused += 1
                    writer.write(f"-{self.error}\r\n".encode())
                else:
                    server_writer.write(command)
                    writer.write(await _answer(server_reader))
                await writer.drain()
        writer.close()
        server_writer.close()


async def _command(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The name of a command, and all of it."""
    whole = await _answer(reader)
    return whole.split(b"\r\n")[2].upper(), whole


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """One value of the protocol, with everything that it holds."""
    head = await reader.readuntil(b"\r\n")
    kind, size = head[:1], head[1:-2]
    if kind == b"$" and size != b"-1":
        return head + await reader.readexactly(int(size) + 2)
    if kind == b"*" and size != b"-1":
        return head + b"".join([await _answer(reader) for _ in range(int(size))])
    return head


@asynccontextmanager
async def refusing_redis(url: str) -> AsyncIterator[tuple[RefusingRedis, str]]:
    """The wire to the server that a URL names, and the same URL through it."""
    parts = urlsplit(url)
    wire = RefusingRedis(parts.hostname or "", parts.port or 0)
    credentials, at, _ = parts.netloc.rpartition("@")
    async with await asyncio.start_server(wire.handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield wire, urlunsplit(parts._replace(netloc=f"{credentials}{at}127.0.0.1:{port}"))
