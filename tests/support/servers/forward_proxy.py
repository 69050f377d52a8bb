"""An HTTP proxy: it forwards requests with a whole URL, and opens a tunnel for CONNECT."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class ForwardProxy:
    """A proxy that keeps the requests that it got."""

    port: int = 0
    answer: bytes | None = None  #: sent in place of passing anything on; then the connection is closed
    lines: list[str] = field(default_factory=list)  #: the first of each request
    credentials: list[str | None] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, for one request or one tunnel."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *headers = head.split("\r\n")[:-2]
            self.lines.append(line)
            named = {name.lower(): value for name, _, value in (each.partition(": ") for each in headers)}
            self.credentials.append(named.pop("proxy-authorization", None))
            if self.answer is not None:
                writer.write(self.answer)
            else:
                await self._pass_on(line, named, reader, writer)
        writer.close()

    async def _pass_on(
        self, line: str, headers: dict[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        method, target, _ = line.split(" ")
        url = urlsplit(f"//{target}" if method == "CONNECT" else target)
        there, back = await asyncio.open_connection(url.hostname, url.port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = url.path + (f"?{url.query}" if url.query else "")
            lines = [f"{method} {path} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items()), "connection: close"]
            back.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        sending = asyncio.ensure_future(_copy(reader, back))
        await _copy(there, writer)
        sending.cancel()
        await asyncio.wait([sending])
        back.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()


@asynccontextmanager
async def running_forward_proxy() -> AsyncIterator[ForwardProxy]:
    """A proxy on a port of this machine."""
    proxy = ForwardProxy()
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
        proxy.port = server.sockets[0].getsockname()[1]
        yield proxy
