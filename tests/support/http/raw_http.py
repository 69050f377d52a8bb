"""HTTP as bytes on a socket, for messages that no HTTP client would send or accept."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

EVENTS = "text/event-stream"


@dataclass(frozen=True)
class RawAnswer:
    """One response. Header names are in lower case; repeated headers are joined with a comma."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """Of a problem; empty for anything else."""
        is_problem = self.headers.get("content-type") == "application/problem+json" and bool(self.body)
        return str(msgspec.json.decode(self.body)["code"]) if is_problem else ""


class RawConnection:
    """One connection to a server on this machine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def has_ended(self) -> bool:
        """True if the end of the connection has arrived here."""
        return self._reader.at_eof() or self._writer.transport.is_closing()

    async def send(self, data: bytes) -> None:
        """Write bytes and wait until the system has taken them. Raises ConnectionError if the other side closed."""
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, *, to_head: bool = False) -> RawAnswer | None:
        """Read one response, without a body if it is for HEAD. None if the connection ends first.

        Of an event stream, which may not end, only the first chunk is read.
        """
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            status, headers = _parsed(head)
            return RawAnswer(status, headers, b"" if to_head else await self._body(headers))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await self._reader.readexactly(int(headers.get("content-length", "0")))
        body = b""
        while chunk := await self._chunk():
            body += chunk
            if headers.get("content-type", "").startswith(EVENTS):
                return body
        return body

    async def _chunk(self) -> bytes:
        """The next chunk; the last one is empty."""
        chunk = await self._reader.readexactly(int(await self._reader.readline(), 16))
        await self._reader.readline()
        return chunk

    async def read(self, size: int) -> int:
        """Read at most `size` bytes, and return how many there were."""
        return len(await self._reader.read(size))

    async def ended(self) -> bytes:
        """Wait for the end of the connection, and return the bytes before it."""
        try:
            return await self._reader.read(-1)
        except ConnectionError:
            return b""

    async def close(self) -> None:
        """Close the connection, even if bytes are on their way."""
        self._writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def connect(port: int) -> RawConnection:
    return RawConnection(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 22))


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    status, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known},{value}"
    return int(status.split(" ")[1]), headers
