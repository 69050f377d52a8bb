"""The slots of a worker that was killed are free at once, and those of a worker that lives are not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from service.database.connection import Database
from service.database.portal import life_locks, portal_slots
from service.local.stack import Stack
from service.portal_access.life_lock import LifeLock
from service.portal_access.slots import SHORT_MARGIN
from tests.conftest import create_database
from tests.integration.portal.test_portal_share import TOTAL, Worker, agree
from tests.support.database.migrations import create_before, migrate, roll_back_to
from tests.support.deliveries.deliveries import open_pool
from tests.support.loop_clock import running_loop_clock
from tests.support.servers.tcp_proxy import running_tcp_proxy
from tests.unit.portal.test_gate import settled

STEP = "0033.life_locks"
HOLDERS = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
BEFORE_EVERY_SESSION = (
    "UPDATE portal_shares SET seen_at = (SELECT min(backend_start) FROM pg_stat_activity) - interval '1 second'"
    " RETURNING 1"
)
REPORT = (
    "INSERT INTO portal_shares (worker_id, granted, users, wanted, singles, in_use)"
    " VALUES (gen_random_uuid(), 1, '{}', '{}', '{}', '{}') RETURNING *"
)


class Living(Worker):
    """A worker with a life lock."""

    def __init__(self, database: Database, sessions: Database) -> None:
        self.life_lock = LifeLock(sessions)
        super().__init__(database, self.life_lock)
        self._sessions = sessions
        self._holding: asyncio.Task[None] | None = None

    @property
    def key(self) -> int | None:
        """The lock that it holds."""
        held = self.life_lock.held
        return None if held is None else held.key

    async def live(self) -> None:
        """Hold a lock, as the loop of the worker does."""
        self._holding = asyncio.create_task(self.life_lock.hold())
        async with asyncio.timeout(60):
            while self.life_lock.held is None:  # noqa: ASYNC110  (a lock in a database)
                await asyncio.sleep(0.01)

    async def ended(self) -> None:
        """Wait until it knows that its session has ended."""
        assert self._holding is not None
        with pytest.raises((OSError, asyncpg.InterfaceError)):
            await self._holding

    async def be_killed(self) -> None:
        """What the system does for a process that was killed: it closes its sockets. It reports no more."""
        self._sessions._backend._pool.terminate()  # noqa: SLF001  (the end of a process)
        await self.ended()

    async def stop(self) -> None:
        """End its tasks."""
        for job in self.jobs:
            await job.stop()
        if self._holding is not None:
            self._holding.cancel()
            await asyncio.wait([self._holding])


class Workshop:
    """Workers of one database."""

    def __init__(self, opened: AsyncExitStack, url: str, database: Database) -> None:
        self._opened = opened
        self.url = url
        self.database = database

    async def living(self, url: str = "") -> Living:
        """A new worker that lives. `url`: another way to the same database."""
        worker = Living(self.database, await self._opened.enter_async_context(open_pool(url or self.url, 1)))
        self._opened.push_async_callback(worker.stop)
        await worker.live()
        return worker

    async def with_every_slot(self, url: str = "") -> Living:
        """A new worker that holds all slots and uses them."""
        worker = await self.living(url)
        await worker.ask(30)
        assert await agree(worker) == [TOTAL]
        return worker

    async def fetch(self, query: str) -> list[Any]:
        """Ask the database."""
        async with self.database.connection() as connection:
            return await connection.fetch_all(query)

    async def owners(self) -> list[UUID]:
        """The owner of each leased slot."""
        rows = await self.fetch("SELECT worker_id FROM portal_slots WHERE expires_at > now()")
        return [row["worker_id"] for row in rows]

    async def holders(self, count: int) -> list[int]:
        """Wait until so many sessions hold a life lock. Returns their numbers."""
        async with asyncio.timeout(60):
            while len(found := await self.fetch(HOLDERS)) != count:  # noqa: ASYNC110  (locks in a database)
                await asyncio.sleep(0.01)
        return [row["pid"] for row in found]

    async def recorded(self) -> set[int | None]:
        """The locks in the reports of workers."""
        return {row["life_lock"] for row in await self.fetch("SELECT life_lock FROM portal_shares")}


@pytest.fixture
async def workshop(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Workshop]:
    """Here a worker is silent as soon as it has reported."""
    monkeypatch.setattr(life_locks, "SILENCE", timedelta(0))
    url = await create_database(stack)
    async with AsyncExitStack() as opened:
        yield Workshop(opened, url, await opened.enter_async_context(open_pool(url, 4)))


async def test_the_slots_of_a_killed_worker_are_taken_before_their_leases_end(workshop: Workshop) -> None:
    dead, heir = await workshop.with_every_slot(), await workshop.living()
    await heir.ask(30)
    assert await agree(heir) == [0]

    await dead.be_killed()
    await workshop.holders(1)

    # Nothing has ended by time, and the killed one has no part any more.
    assert await agree(heir) == [TOTAL]
    assert await workshop.owners() == [heir.share.worker_id] * TOTAL
    assert await workshop.recorded() == {heir.key}


async def test_a_worker_that_begins_after_the_kill_takes_them_too(workshop: Workshop) -> None:
    await (await workshop.with_every_slot()).be_killed()
    await workshop.holders(0)
    heir = await workshop.living()
    await heir.ask(30)

    assert await agree(heir) == [TOTAL]


async def test_a_worker_that_stands_still_keeps_its_slots(workshop: Workshop) -> None:
    frozen, other = await workshop.with_every_slot(), await workshop.living()
    await other.ask(30)

    assert await agree(other) == [0]
    assert await workshop.owners() == [frozen.share.worker_id] * TOTAL


async def test_a_worker_whose_session_was_ended_reports_that_and_keeps_its_slots(workshop: Workshop) -> None:
    first, other = await workshop.with_every_slot(), await workshop.living()
    await other.ask(30)
    await agree(other)
    sessions = await workshop.holders(2)
    await workshop.fetch(f"SELECT pg_terminate_backend({min(sessions)}), pg_terminate_backend({max(sessions)})")
    await first.ended()
    await other.ended()

    assert await agree(first, other) == [TOTAL, 0]
    assert await workshop.recorded() == {None}
    await first.live()
    await other.live()
    assert await agree(first, other) == [TOTAL, 0]
    assert await workshop.recorded() == {first.key, other.key}


async def test_no_lock_is_recorded_that_the_server_does_not_know(workshop: Workshop) -> None:
    worker = await workshop.living()
    assert worker.life_lock.held is not None
    worker.life_lock.held.key ^= 1

    await worker.agree()

    assert await workshop.recorded() == {None}


async def test_a_worker_without_a_lock_keeps_its_slots(workshop: Workshop) -> None:
    """As one of the version before, and one that could not connect once more."""
    without, other = Worker(workshop.database), await workshop.living()
    job = await without.ask(30)
    await agree(without)
    await other.ask(30)

    assert await agree(other) == [0]
    await job.stop()


async def test_a_worker_that_reported_before_every_session_began_keeps_its_slots(workshop: Workshop) -> None:
    """As after a restart of the server, which ends the sessions of the living too."""
    living, other = await workshop.with_every_slot(), await workshop.living()
    await living.be_killed()
    await workshop.holders(1)
    await workshop.fetch(BEFORE_EVERY_SESSION)
    await other.ask(30)

    assert await agree(other) == [0]
    assert await workshop.owners() == [living.share.worker_id] * TOTAL


async def test_a_worker_that_a_proxy_cut_off_stops_before_its_slots_are_taken(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    with running_loop_clock() as clock:
        async with running_tcp_proxy(workshop.url) as (proxy, url):
            lonely = await workshop.with_every_slot(url)
            proxy.take_away()
            await lonely.ended()
            clock.put_forward(life_locks.SILENCE.total_seconds() - SHORT_MARGIN)
            await settled()

            assert lonely.gate.in_flight == 0
            # It goes on as soon as it could report that it has no lock.
            assert await agree(lonely) == [TOTAL]


async def test_a_worker_whose_server_is_gone_uses_its_slots_until_their_leases_end(workshop: Workshop) -> None:
    with running_loop_clock() as clock:
        lonely = await workshop.with_every_slot()
        await lonely.be_killed()
        clock.put_forward(portal_slots.SLOT_LEASE.total_seconds() / 2)
        await settled()

        assert lonely.gate.in_flight == TOTAL


async def test_reports_of_the_version_before_stay_as_they_are(stack: Stack) -> None:
    url = await create_before(stack, STEP)
    async with open_pool(url, 1) as pool, pool.connection() as connection:
        before = dict((await connection.fetch_all(REPORT))[0])

    assert (await migrate(url))[0] == STEP
    async with open_pool(url, 1) as pool, pool.connection() as connection:
        [after] = await connection.fetch_all("SELECT * FROM portal_shares")
        assert dict(after) == {**before, "life_lock": None}
        # The version before goes on.
        await connection.fetch_all(REPORT)
    await roll_back_to(url, STEP)
    assert (await migrate(url))[0] == STEP
