"""Limits the requests that this process has open at the portal, and decides their order and their pauses."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import msgspec

from service.domain.errors import ErrorCode
from service.domain.jobs import Lane
from service.portal.errors import Busy

#: Stands for all users who watch cases: the checks of all cases take turns with users as if they were one.
CHECKS_USER = UUID("c4ec5000-0000-4000-8000-000000000000")
HANG_UP = 0.25  # seconds, many round trips: by then the portal should have noticed a closed connection


class Demand(msgspec.Struct, frozen=True):
    """The slots that one user's work needs."""

    wanted: int  #: requests that are open or waiting
    in_use: int  #: requests that are open
    singles: int = 0  #: those of `wanted` whose jobs are not in a batch


@dataclass(eq=False)
class _Waiter:
    pass_: "Pass"
    admitted: asyncio.Future[None]


class Pass:
    """Admits the requests of one job to the gate, and counts them for the job's user."""

    def __init__(self, gate: "Gate", user_id: UUID | None, lane: int) -> None:
        self.user_id = user_id
        self.lane = lane  #: of one user's requests, the lowest lane goes first
        self.has_asked = False  #: True after the job's first request
        self.admissions = 0  #: how many of its requests got a slot
        self._gate = gate

    @property
    def is_single(self) -> bool:
        """True if the job is not in a batch."""
        return self.lane == Lane.SINGLE

    @property
    def is_check(self) -> bool:
        """True for checks of watched cases."""
        return self.lane == Lane.CHECK

    def admitted(self) -> AbstractAsyncContextManager[None]:
        """Wait for a slot, then hold it. Raises `Busy` if the slot's lease ends in the block."""
        self.has_asked = True
        return self._gate.admit(self)

    def pause(self, seconds: float) -> None:
        """Admit no request for some seconds, of any job."""
        self._gate.pause(seconds)


class Gate:
    """Admits at most `limit` requests at a time, and none during a pause.

    Users take turns: the user with the fewest open requests goes first. Checks are one more user, which waits while a
    request outside of batches does. The limit may be leased: when the lease ends,
    no request is admitted and open ones fail with `Busy`, because their slots may belong to another worker now.
    """

    def __init__(self, limit: int, *, hang_up: float = 0.0) -> None:
        """`hang_up`: seconds that the portal needs to notice that a request was cancelled."""
        self.limit = limit
        self._hang_up = hang_up
        self.in_flight = 0
        self.peak = 0  #: most requests open or waiting at one time since the last `take_peak`
        self.changed = asyncio.Event()  #: set when a request has to wait for a slot
        self.freed = asyncio.Event()  #: set when a slot can be given back: a request beyond the limit has ended
        self._until = math.inf
        self._resume_at = 0.0
        self._waiting: list[_Waiter] = []
        self._open: set[asyncio.Timeout] = set()
        self._in_use: Counter[UUID | None] = Counter()
        self._singles_in_use: Counter[UUID | None] = Counter()
        self._elsewhere: Mapping[UUID, int] = {}
        self._served: dict[UUID | None, int] = {}
        self._resuming: asyncio.TimerHandle | None = None
        self._turn = 0
        self._own = Pass(self, None, 0)

    def pass_for(self, user_id: UUID | None, lane: int) -> Pass:
        """Return the pass for the requests of one job."""
        return Pass(self, user_id, lane)

    def admitted(self) -> AbstractAsyncContextManager[None]:
        """Wait for a slot, then hold it, for a request that belongs to no user."""
        return self._own.admitted()

    @property
    def waiting(self) -> int:
        """How many requests wait for a slot."""
        return len(self._waiting)

    @property
    def demand(self) -> dict[UUID, Demand]:
        """The current demand of each user with open or waiting requests."""
        waiting = [each.pass_ for each in self._waiting]
        wanted = self._in_use + Counter(each.user_id for each in waiting)
        singles = self._singles_in_use + Counter(each.user_id for each in waiting if each.is_single)
        return {
            user_id: Demand(count, self._in_use[user_id], singles[user_id])
            for user_id, count in wanted.items()
            if user_id is not None
        }

    @property
    def pause_left(self) -> float:
        """Seconds until the pause ends; 0 without a pause."""
        return max(0.0, self._resume_at - asyncio.get_running_loop().time())

    def take_peak(self) -> int:
        """Return `peak` and reset it."""
        peak, self.peak = self.peak, self.in_flight + self.waiting
        return peak

    def set_limit(self, limit: int, *, until: float = math.inf, elsewhere: Mapping[UUID, int] | None = None) -> None:
        """Change the number of slots. `until`: the end of their lease, by the event loop's clock.

        Requests beyond a lower limit may finish. `elsewhere`: open requests of each user in other processes.
        """
        self.limit = limit
        self._until = until
        self._elsewhere = elsewhere or {}
        for lease in self._open:
            if not lease.expired():
                lease.reschedule(None if math.isinf(until) else until)
        self._admit_waiting()

    def pause(self, seconds: float) -> None:
        """Admit no request for some seconds. A pause that ends later stays."""
        loop = asyncio.get_running_loop()
        self._resume_at = max(self._resume_at, loop.time() + seconds)
        if self._resuming is not None:
            self._resuming.cancel()
        self._resuming = loop.call_at(self._resume_at, self._admit_waiting)

    @asynccontextmanager
    async def admit(self, asking: Pass) -> AsyncIterator[None]:
        """Wait for a slot, then hold it. Raises `Busy` if the slot's lease ends in the block."""
        await self._enter(asking)
        leave = self._leave
        try:
            async with asyncio.timeout_at(None if math.isinf(self._until) else self._until) as lease:
                self._open.add(lease)
                try:
                    yield
                finally:
                    self._open.discard(lease)
        except asyncio.CancelledError:
            leave = self._leave_later
            raise
        except TimeoutError as error:
            if not lease.expired():
                raise
            raise Busy(ErrorCode.PORTAL_UNAVAILABLE, "the lease of the slot at the portal ended") from error
        finally:
            leave(asking)

    async def _enter(self, asking: Pass) -> None:
        waiter = _Waiter(asking, asyncio.get_running_loop().create_future())
        while True:
            self._waiting.append(waiter)
            self.peak = max(self.peak, self.in_flight + self.waiting)
            self._admit_waiting()
            try:
                await waiter.admitted
            except asyncio.CancelledError:
                self._give_up(waiter)
                raise
            if self._is_leased():
                return
            # The lease ended between the admission and now, for example because the process was suspended.
            self._leave(asking)
            waiter.admitted = asyncio.get_running_loop().create_future()

    def _give_up(self, waiter: _Waiter) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        elif not waiter.admitted.cancelled():
            self._leave(waiter.pass_)

    def _leave(self, passed: Pass) -> None:
        self.in_flight -= 1
        self._count(passed, -1)
        if self.in_flight >= self.limit:
            self.freed.set()
        self._admit_waiting()

    def _count(self, passing: Pass, change: int) -> None:
        for counter in (self._in_use, self._singles_in_use) if passing.is_single else (self._in_use,):
            counter[passing.user_id] += change
            if not counter[passing.user_id]:
                del counter[passing.user_id]

    def _leave_later(self, passed: Pass) -> None:
        """The portal still works on a cancelled request until it notices that the connection was closed."""
        if self._hang_up:
            asyncio.get_running_loop().call_later(self._hang_up, self._leave, passed)
        else:
            self._leave(passed)

    def _is_leased(self) -> bool:
        return asyncio.get_running_loop().time() < self._until

    def _admit_waiting(self) -> None:
        while self._waiting and self.in_flight < self.limit and self._is_leased() and not self.pause_left:
            # Checks are not interactive.
            may_check = not any(each.pass_.is_single for each in self._waiting)
            waiter = min(self._waiting, key=lambda each: (each.pass_.is_check and not may_check, self._order(each)))
            self._waiting.remove(waiter)
            if waiter.admitted.cancelled():
                continue
            waiter.pass_.admissions += 1
            user_id = waiter.pass_.user_id
            self._turn += 1
            self._served[user_id] = self._turn
            self._count(waiter.pass_, 1)
            self.in_flight += 1
            waiter.admitted.set_result(None)
        if self._waiting and self.in_flight >= self.limit:
            self.changed.set()
        elif not self._waiting and not self.in_flight:
            # The order in which users were served matters only while requests wait.
            self._served.clear()

    def _order(self, waiter: _Waiter) -> tuple[int, int, int]:
        """Sort key: the smallest goes first; among equal ones, the waiter that came first."""
        user_id = waiter.pass_.user_id
        elsewhere = 0 if user_id is None else self._elsewhere.get(user_id, 0)
        return self._in_use[user_id] + elsewhere, self._served.get(user_id, 0), waiter.pass_.lane
