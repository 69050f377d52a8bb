"""A load balancer's side of its servers: it reuses connections, and sends no request twice."""

import asyncio
from dataclasses import dataclass, field

from tests.support.http.raw_http import RawAnswer, RawConnection, connect


@dataclass
class Upstreams:
    """Several servers of one service, used in turn. A server that refuses a connection is skipped."""

    ports: list[int]
    opened: int = 0
    _kept: list[RawConnection] = field(default_factory=list)
    _turn: int = 0

    async def ask(self, request: bytes) -> RawAnswer | None:
        """Send a request once. None: it was lost, and the server may have processed it."""
        connection = self._last_kept() or await self._connect()
        try:
            await connection.send(request)
        except ConnectionError:
            return None
        answer = await connection.answer()
        if answer is None or answer.headers.get("connection") == "close":
            await connection.close()
        else:
            self._kept.append(connection)
        return answer

    async def close(self) -> None:
        """Close the kept connections."""
        for each in self._kept:
            await each.close()
        self._kept.clear()

    def _last_kept(self) -> RawConnection | None:
        while self._kept:
            kept = self._kept.pop()
            if not kept.has_ended:
                return kept
        return None

    async def _connect(self) -> RawConnection:
        self._turn += 1
        first = self._turn % len(self.ports)
        # Each server once, whatever concurrent requests try meanwhile.
        for port in (*self.ports[first:], *self.ports[:first]):
            try:
                async with asyncio.timeout(10):
                    connection = await connect(port)
            except ConnectionRefusedError:
                continue
            self.opened += 1
            return connection
        raise ConnectionRefusedError("no server is there")
