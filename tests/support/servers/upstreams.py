"""What a proxy does with its servers: connections are kept and used again, and a request is never sent twice."""

import asyncio
from dataclasses import dataclass, field

from tests.support.http.raw_http import RawAnswer, RawConnection, connect


@dataclass
class Upstreams:
    """Several servers of one service, asked in turn; one that refuses a connection is passed over."""

    ports: list[int]
    opened: int = 0
    _kept: list[RawConnection] = field(default_factory=list)
    _turn: int = 0

    async def ask(self, request: bytes) -> RawAnswer | None:
        """Send a request once. None: it was lost, for nobody knows whether the server has done it."""
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
        """Let go of what was kept."""
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
        # Each once, whatever the requests beside this one try meanwhile.
        for port in (*self.ports[first:], *self.ports[:first]):
            try:
                async with asyncio.timeout(10):
                    connection = await connect(port)
            except ConnectionRefusedError:
                continue
            self.opened += 1
            return connection
        raise ConnectionRefusedError("no server is there")
