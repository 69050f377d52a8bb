"""Decides how long all processes pause after a 429 of the portal or a page of its firewall."""

import asyncio
from collections.abc import Awaitable, Callable

from service.portal.errors import Blocked, Busy
from service.portal.gate import Gate

BUSY_PAUSES = (1.0, 60.0)  # seconds after a 429 without Retry-After: the first pause, doubled up to the maximum
FIREWALL_PAUSES = (60.0, 600.0)  # seconds after a firewall's page: the same


class Doubling:
    """A pause in seconds that doubles each time, until a request succeeds."""

    def __init__(self, first: float, most: float) -> None:
        self._first, self._most = first, most
        self._next = first
        self._began, self._ends = float("-inf"), 0.0

    def step(self, asked_at: float, now: float) -> float:
        """Return the seconds to wait from `now`. A request sent before the last step does not start another one."""
        if asked_at <= self._began:
            return max(0.0, self._ends - now)
        seconds = self._next
        self._next = min(2 * seconds, self._most)
        self._began, self._ends = now, now + seconds
        return seconds

    def reset(self, asked_at: float) -> None:
        """Note that a request sent at `asked_at` succeeded. Only one sent after the last step ends the doubling."""
        if asked_at > self._began:
            self._next = self._first


class Pauses:
    """Pauses the gate of this process, and shares pauses with the other processes."""

    def __init__(
        self,
        gate: Gate,
        tell: Callable[[float], Awaitable[None]],
        ask: Callable[[], Awaitable[float]] | None = None,
    ) -> None:
        """`tell` writes a pause in seconds for all processes; `ask` reads the seconds that are left."""
        self._gate, self._tell, self._ask = gate, tell, ask
        self._quiet, self._block = Doubling(*BUSY_PAUSES), Doubling(*FIREWALL_PAUSES)
        self.answered_at = float("-inf")  #: when the newest request that succeeded was sent, by the event loop's clock

    async def begin(self, error: Busy, asked_at: float) -> None:
        """Pause for `error.retry_after` seconds, or for the next step of the doubling if it is None or 0."""
        doubling = self._block if isinstance(error, Blocked) else self._quiet
        seconds = error.retry_after or doubling.step(asked_at, asyncio.get_running_loop().time())
        self._gate.pause(seconds)
        # Shielded: the other processes must learn of the pause even if this caller is cancelled.
        await asyncio.shield(asyncio.ensure_future(self._tell(seconds)))

    async def left(self) -> float:
        """Return the seconds until this process may ask again. Also applies the shared pause to the gate."""
        shared = 0.0 if self._ask is None else await self._ask()
        if shared > 0:
            self._gate.pause(shared)
        return self._gate.pause_left

    def answered(self, asked_at: float) -> None:
        """Note that a request sent at `asked_at` succeeded."""
        self.answered_at = max(self.answered_at, asked_at)
        self._quiet.reset(asked_at)
        self._block.reset(asked_at)
