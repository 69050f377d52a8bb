"""The loop that leases the slots at the portal that this worker needs, and gives back the others."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID, uuid4

import structlog

from service.database.connection import UNREACHABLE, Connection, Database
from service.database.portal import life_locks, portal_slots, portal_state
from service.database.portal.portal_slots import WorkerShare
from service.portal.gate import Demand, Gate, Pass
from service.portal_access.fair_share import fair_share
from service.portal_access.life_lock import HeldLock, LifeLock

IDLE_RENEWAL_INTERVAL = 1.0  # seconds between two renewals while the worker is idle
BUSY_RENEWAL_INTERVAL = 0.25  # seconds while it is not
SHORT_INTERVAL = 0.1  # seconds while this worker has fewer slots than it should
TAKE_INTERVAL = 0.02  # seconds between two tries to take a slot that another worker gave back
CLAIM_PATIENCE = 0.1  # seconds that a renewal waits for a claim, at most
MARGIN = 1.0  # seconds; this worker stops using a lease so long before it ends in the database
SHORT_MARGIN = 0.75  # seconds; the same for a worker that may soon be taken for dead


class PortalShare:
    """This worker's part of the slots at the portal."""

    def __init__(self, database: Database, gate: Gate, *, total: int, life_lock: LifeLock) -> None:
        self.worker_id: UUID = uuid4()
        self.total = total  #: slots of all workers
        self._database = database
        self._gate = gate
        self.life_lock = life_lock
        life_lock.on_loss = self._lose_life_lock
        self._held: list[int] = []
        self._renewed_at = -portal_slots.SLOT_LEASE.total_seconds()  # by the event loop's clock
        self._recorded: set[HeldLock] = set()  # the life lock in PostgreSQL: several while no answer says which
        self._share = 0
        self._total = total
        self._due = 0  # slots that this worker should have and can use
        self._is_contended = False
        self._elsewhere: Mapping[UUID, int] = {}
        self._has_slots = False
        self._jobs: dict[Pass, int] = {}
        self._no_claim = asyncio.Event()
        self._no_claim.set()

    @property
    def wants_more_work(self) -> bool:
        """True if slots of this worker would soon be idle: fewer requests wait than it has slots."""
        return self._wanted() < 2 * len(self._held)

    @contextmanager
    def job(self, user_id: UUID | None, lane: int, documents: int) -> Iterator[Pass]:
        """Yield the pass of a job. Until its first request, the job counts as `documents` waiting requests."""
        passing = self._gate.pass_for(user_id, lane)
        self._jobs[passing] = documents
        try:
            yield passing
        finally:
            del self._jobs[passing]
            if not self._jobs:
                # Its slots are given back now, not at the next renewal.
                self._gate.changed.set()

    @contextmanager
    def claiming(self) -> Iterator[None]:
        """Delay renewals during a claim: the claim writes the job's demand, and a renewal would overwrite it."""
        self._no_claim.clear()
        try:
            yield
        finally:
            self._no_claim.set()

    async def keep_for_ever(self) -> None:
        """Renew leases and adjust the gate until cancelled, then give all slots back."""
        try:
            # Not `run_forever` of the worker: events end the pauses, and `agree` also runs outside of this loop.
            while True:
                await self.agree()
                await self._rest()
        finally:
            await asyncio.shield(asyncio.ensure_future(self._give_back()))

    async def agree(self) -> None:
        """Renew the slots that are needed, give back the others, take the missing ones.

        If the database is unreachable, this worker keeps its slots until their leases end.
        """
        await self._claim_ends()
        asked_at = asyncio.get_running_loop().time()
        self._gate.changed.clear()
        self._gate.freed.clear()
        wanted = self._drop_what_is_not_wanted()

        async def renew(connection: Connection) -> None:
            if wanted > len(self._held):
                await _release_dead(connection)
            self._elsewhere = await self._renew(connection)
            self._due = min(wanted, self._share)
            await self._take(connection)
            if pause := await portal_state.pause_left(connection):
                self._gate.pause(pause)

        if not await self._asked(renew):
            return
        # Counted from before the query: in the database the leases were renewed later.
        self._renewed_at = asked_at
        # Slots beyond the share are given back as their requests end.
        limit = min(len(self._held), self._share) if self._is_contended else len(self._held)
        self._set_limit(limit)
        if len(self._held) > max(limit, self._gate.in_flight):
            self._gate.freed.set()

    async def _asked(self, question: Callable[[Connection], Awaitable[None]]) -> bool:
        """Run `question` on a connection. True if it succeeded."""
        try:
            async with self._database.connection() as connection:
                await question(connection)
        except Exception as error:  # noqa: BLE001  (process boundary: a loop that ended here would leave the gate shut)
            is_bug = not isinstance(error, UNREACHABLE)
            structlog.get_logger().warning("portal_share_not_renewed", error=type(error).__name__, exc_info=is_bug)
            return False
        return True

    async def _take(self, connection: Connection) -> None:
        if self._missing > 0:
            self._held += await portal_slots.take(connection, self.worker_id, count=self._missing, total=self._total)

    @property
    def _missing(self) -> int:
        """Slots that this worker should have but does not hold yet."""
        return self._due - len(self._held)

    def _set_limit(self, limit: int) -> None:
        self._gate.set_limit(limit, until=self._renewed_at + self._term(), elsewhere=self._elsewhere)

    def _term(self) -> float:
        """Seconds after a renewal for which the slots may be used."""
        if any(each.has_ended and not each.is_direct for each in self._recorded):
            # A proxy closed the session, perhaps only this worker's: the others will take this worker for dead. Without
            # a proxy the server itself has gone, and then no worker can take the slots before their leases end.
            return life_locks.SILENCE.total_seconds() - SHORT_MARGIN
        return portal_slots.SLOT_LEASE.total_seconds() - MARGIN

    def _lose_life_lock(self) -> None:
        self._set_limit(self._gate.limit)
        # The next renewal, which is due now, records that there is no lock.
        self._gate.changed.set()
        self._gate.freed.set()

    def _drop_what_is_not_wanted(self) -> int:
        """Return how many slots are wanted, and stop using the others. The next renewal gives them back."""
        peak, wanted = self._gate.take_peak(), self._wanted()
        if self._jobs or wanted:
            # Between two documents of a job there is a short time without a request.
            wanted = max(peak, wanted)
        kept = max(self._gate.in_flight, min(len(self._held), self._share, wanted))
        # Lowered before the slots are given back: no request may use them then.
        self._held = self._held[:kept]
        self._set_limit(len(self._held))
        return wanted

    async def _claim_ends(self) -> None:
        """Wait for a claim under way, but not for long: the renewal must not overwrite the demand that it wrote."""
        try:
            async with asyncio.timeout(CLAIM_PATIENCE):
                await self._no_claim.wait()
        except TimeoutError:
            return

    async def _renew(self, connection: Connection) -> Mapping[UUID, int]:
        """Write this worker's demand, compute its share, and return each user's open requests on other workers."""
        if not self._has_slots:
            await portal_slots.add_slots(connection, self.total)
            self._has_slots = True
        needs = self._needs()
        own = {user_id: need.wanted for user_id, need in needs.items()}
        own_singles = {user_id: need.singles for user_id, need in needs.items()}
        in_use = {user_id: need.in_use for user_id, need in needs.items()}
        locks = {each for each in (self.life_lock.held,) if each is not None}
        self._recorded |= locks
        renewed = await portal_slots.renew(
            connection,
            self.worker_id,
            self._held,
            wanted=own,
            singles=own_singles,
            in_use=in_use,
            life_lock=next((each.key for each in locks), None),
        )
        self._recorded = locks if renewed.has_life_lock else set()
        self._held = renewed.kept
        others = [each for each in await portal_slots.shares(connection) if each.worker_id != self.worker_id]
        # Workers of the previous version do not lease slots: what they use is subtracted.
        self._total = max(0, self.total - sum(each.granted for each in others if each.users is None))
        wanted = {each.worker_id: each.wanted_by_user() for each in others} | {self.worker_id: own}
        singles = {each.worker_id: each.singles_by_user() for each in others} | {self.worker_id: own_singles}
        self._share = fair_share(self._total, wanted, self.worker_id, rotation=renewed.rotation, singles=singles)
        self._is_contended = sum(own.values()) > self._share
        return _in_use(others)

    def _wanted(self) -> int:
        return sum(need.wanted for need in self._needs().values())

    def _needs(self) -> dict[UUID, Demand]:
        """The demand of each user with a job here. A job without a request yet counts with its documents."""
        needs = self._gate.demand
        for passing, documents in self._jobs.items():
            if passing.user_id is not None:
                begun, expected = needs.get(passing.user_id, Demand(0, 0)), 0 if passing.has_asked else documents
                singles = begun.singles + (expected if passing.is_single else 0)
                needs[passing.user_id] = Demand(begun.wanted + expected, begun.in_use, singles)
        return needs

    async def _rest(self) -> None:
        """Wait until the next renewal is due, or a request needs a slot that may be free."""
        if self._missing > 0:
            await self._take_what_is_missing()
        elif self._is_contended:
            # Only other workers can change this share, and they may wait for slots that this one has to give back.
            await _happens(self._gate.freed, BUSY_RENEWAL_INTERVAL)
        else:
            is_busy = self._held or self._gate.waiting
            await _happens(self._gate.changed, BUSY_RENEWAL_INTERVAL if is_busy else IDLE_RENEWAL_INTERVAL)

    async def _take_what_is_missing(self) -> None:
        """Try to take free slots more often than leases are renewed. Each try is one statement."""
        clock = asyncio.get_running_loop().time
        deadline, answers = clock() + SHORT_INTERVAL, True
        while self._missing > 0 and clock() < deadline:
            await asyncio.sleep(TAKE_INTERVAL if answers else SHORT_INTERVAL)
            answers = await self._asked(self._take)
            self._set_limit(len(self._held))

    async def _give_back(self) -> None:
        self._gate.set_limit(0)
        try:
            async with self._database.connection() as connection:
                await portal_slots.give_back(connection, self.worker_id)
        except UNREACHABLE:
            # The leases end by themselves.
            return


async def _happens(event: asyncio.Event, timeout: float) -> None:
    """Wait for an event, but not for longer."""
    try:
        async with asyncio.timeout(timeout):
            await event.wait()
    except TimeoutError:
        return


async def _release_dead(connection: Connection) -> None:
    if count := await life_locks.release_dead(connection):
        structlog.get_logger().info("slots_of_dead_workers_released", slots=count)


def _in_use(others: list[WorkerShare]) -> Mapping[UUID, int]:
    counted: Counter[UUID] = Counter()
    for each in others:
        counted.update(each.in_use_by_user())
    return counted
