"""A TCP proxy that can cut, slow down or silence its connections."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

_CHUNK = 64 * 1024  # bytes


Observer = Callable[[bytes], None]


def _ignore(_chunk: bytes) -> None:
    return None


class _Link:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter, observe: Observer) -> None:
        self._ends = (client, server)
        self.observe = observe
        self.sent = 0  # bytes towards the server

    def cut(self) -> None:
        """Reset both ends."""
        for end in self._ends:
            end.transport.abort()


class TcpProxy:
    """Forwards bytes between its port and one server."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self._upstream = (host, port)
        self._links: set[_Link] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._refuses = False
        self._cuts_left = 0
        self._cut_after = 0
        self._rate = 0
        self.cuts = 0  #: connections that were cut so far
        self.refused = 0  #: connections that came while the server was away
        #: Makes for each new connection what is told the bytes towards the server.
        self.observer: Callable[[], Observer] = lambda: _ignore

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._links)

    def cut(self) -> None:
        """Reset every connection; new ones pass."""
        for link in list(self._links):
            self._cut(link)

    def take_away(self) -> None:
        """Reset every connection, also new ones, until `bring_back`."""
        self._refuses = True
        self.cut()

    def bring_back(self) -> None:
        """Forward connections again, also silent ones."""
        self._refuses = False
        self._passing.set()

    def go_silent(self) -> None:
        """Keep every connection open, accept new ones, and forward nothing, as when a machine is lost."""
        self._passing.clear()

    def cut_uploads(self, times: int, *, after: int) -> None:
        """Reset the next connections that have sent so many bytes to the server, each once."""
        self._cuts_left, self._cut_after = times, after

    def slow_down(self, bytes_per_second: int) -> None:
        """Limit each direction of each connection; 0 for no limit."""
        self._rate = bytes_per_second

    def _cut(self, link: _Link) -> None:
        self.cuts += 1
        link.cut()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """asyncio's handler for every connection."""
        if self._refuses:
            self.refused += 1
            writer.transport.abort()
            return
        try:
            await self._passing.wait()
            upstream_reader, upstream_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, upstream_writer, self.observer())
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(link, reader, upstream_writer, is_upload=True))
                group.create_task(self._pump(link, upstream_reader, writer, is_upload=False))
        finally:
            self._links.discard(link)
            link.cut()

    async def _pump(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_upload: bool
    ) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                await self._passing.wait()
                if is_upload:
                    self._note_upload(link, chunk)
                if self._rate:
                    await asyncio.sleep(len(chunk) / self._rate)
                writer.write(chunk)
                await writer.drain()
            await self._passing.wait()
            writer.write_eof()
        except OSError:
            link.cut()

    def _note_upload(self, link: _Link, chunk: bytes) -> None:
        link.observe(chunk)
        if self._is_due_for_cut(link, len(chunk)):
            self._cut(link)

    def _is_due_for_cut(self, link: _Link, size: int) -> bool:
        link.sent += size
        if not self._cuts_left or link.sent < self._cut_after:
            return False
        self._cuts_left -= 1
        return True


@asynccontextmanager
async def running_tcp_proxy(url: str) -> AsyncIterator[tuple[TcpProxy, str]]:
    """A proxy in front of the server of a URL, and the URL through the proxy."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = TcpProxy(parts.hostname, parts.port)
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    proxy.port = int(server.sockets[0].getsockname()[1])
    credentials, at, _ = parts.netloc.rpartition("@")
    try:
        yield proxy, urlunsplit(parts._replace(netloc=f"{credentials}{at}127.0.0.1:{proxy.port}"))
    finally:
        server.close()
        proxy.bring_back()
        proxy.cut()
