"""HTTP as bytes on a socket, for what no HTTP client would send or accept."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

EVENTS = "text/event-stream"


@dataclass(frozen=True)
class RawAnswer:
    """One answer. Names of headers are in lower case; those that came twice are joined with a comma."""

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
        """Whether the other side has closed the connection, as far as it was heard of here."""
        return self._reader.at_eof() or self._writer.transport.is_closing()

    async def send(self, data: bytes) -> None:
        """Write bytes and wait until the system has taken them. Raises ConnectionError where the other side closed."""
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, *, to_head: bool = False) -> RawAnswer | None:
        """Read one answer, to HEAD one without a body; None where the connection ends first.

        Of a stream of events, which may have no end, only what comes first.
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
        """The next one; the last is empty."""
        chunk = await self._reader.readexactly(int(await self._reader.readline(), 16))
        await self._reader.readline()
        return chunk

    async def read(self, size: int) -> int:
        """Read some bytes, `size` at most, and answer how many."""
        return len(await self._reader.read(size))

    async def ended(self) -> bytes:
        """Wait for the end of the connection and answer what came before it."""
        try:
            return await self._reader.read(-1)
        except ConnectionError:
            return b""

    async def close(self) -> None:
        """Hang up, whatever is still on its way."""
        self._writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def connect(port: int) -> RawConnection:
    """Open a connection."""
    return RawConnection(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 22))


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    status, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known},{value}"
    return int(status.split(" ")[1]), headers
