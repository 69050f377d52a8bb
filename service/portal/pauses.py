"""Pauses: how long everybody keeps quiet when the portal or its firewall asks for it."""

import asyncio
from collections.abc import Awaitable, Callable

from service.portal.errors import Blocked, Busy
from service.portal.gate import Gate

QUIET = (1.0, 60.0)  # seconds after a 429 without Retry-After, doubled up to the second number
BLOCK = (60.0, 600.0)  # seconds after a firewall's page, doubled likewise


class Doubling:
    """Seconds that double each time, until something succeeds."""

    def __init__(self, first: float, most: float) -> None:
        self._first, self._most = first, most
        self._next = first
        self._began, self._ends = float("-inf"), 0.0

    def step(self, asked_at: float, now: float) -> float:
        """Seconds to wait from `now`. Requests sent before the last step belong to that step."""
        if asked_at <= self._began:
            return max(0.0, self._ends - now)
        seconds = self._next
        self._next = min(2 * seconds, self._most)
        self._began, self._ends = now, now + seconds
        return seconds

    def reset(self, asked_at: float) -> None:
        """A request sent after the last step succeeded."""
        if asked_at > self._began:
            self._next = self._first


class Pauses:
    """Closes the gate of this process, tells the others, and hears of theirs."""

    def __init__(
        self,
        gate: Gate,
        tell: Callable[[float], Awaitable[None]],
        ask: Callable[[], Awaitable[float]] | None = None,
    ) -> None:
        """`tell` writes a pause of so many seconds for all processes; `ask` reads what is left of it."""
        self._gate, self._tell, self._ask = gate, tell, ask
        self._quiet, self._block = Doubling(*QUIET), Doubling(*BLOCK)
        self.answered_at = float("-inf")  #: when the newest request was sent that was answered well

    async def begin(self, error: Busy, asked_at: float) -> None:
        """Pause as the error asks. `error.retry_after` is how long, also where the portal did not say."""
        doubling = self._block if isinstance(error, Blocked) else self._quiet
        seconds = error.retry_after or doubling.step(asked_at, asyncio.get_running_loop().time())
        self._gate.pause(seconds)
        # Shielded: a caller whose time is up must not keep the others from hearing of it.
        await asyncio.shield(asyncio.ensure_future(self._tell(seconds)))

    async def left(self) -> float:
        """Seconds until this process may ask again; also tells the gate of the pauses of others."""
        shared = 0.0 if self._ask is None else await self._ask()
        if shared > 0:
            self._gate.pause(shared)
        return self._gate.pause_left

    def answered(self, asked_at: float) -> None:
        """A request that was sent at that moment was answered well."""
        self.answered_at = max(self.answered_at, asked_at)
        self._quiet.reset(asked_at)
        self._block.reset(asked_at)
