"""Workers lease slots at the portal for their requests, and never exceed the limit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from service.database.connection import Database, create_database
from service.database.portal import portal_slots, portal_state
from service.local.stack import Stack
from service.portal.gate import Gate
from service.portal_access.life_lock import LifeLock
from service.portal_access.slots import MARGIN, PortalShare
from tests.conftest import create_database as create_empty
from tests.support.loop_clock import running_loop_clock
from tests.unit.portal.test_gate import settled
from tests.unit.portal.test_gate_turns import Job

TOTAL = 10


class Worker:
    """The part of a worker that leases slots: its share, its gate, and requests of users."""

    def __init__(self, database: Database, life_lock: LifeLock | None = None) -> None:
        self.gate = Gate(0)
        self.share = PortalShare(database, self.gate, total=TOTAL, life_lock=life_lock or LifeLock(database))
        self.jobs: list[Job] = []

    async def ask(self, count: int, user_id: UUID | None = None) -> Job:
        """Open requests, until they are told to end."""
        job = Job(self.gate, user_id or uuid4(), count)
        self.jobs.append(job)
        await settled()
        return job

    async def agree(self) -> int:
        """Renew the leases, and return how many requests may be open, or are."""
        await self.share.agree()
        await settled()
        return max(self.gate.limit, self.gate.in_flight)


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    pool = create_database(await create_empty(stack), application_name="tests", max_size=8)
    await pool.connect()
    yield pool
    await pool.close()


@asynccontextmanager
async def workers(database: Database, count: int) -> AsyncIterator[list[Worker]]:
    made = [Worker(database) for _ in range(count)]
    yield made
    for worker in made:
        for job in worker.jobs:
            await job.stop()


async def agree(*all_of_them: Worker) -> list[int]:
    """Several renewals, as within a second."""
    for _ in range(4):
        held = [await worker.agree() for worker in all_of_them]
    return held


async def leased(database: Database) -> int:
    async with database.connection() as connection:
        return int(await connection.fetch_val("SELECT count(*) FROM portal_slots WHERE expires_at > now()"))


async def test_a_worker_that_has_nothing_to_ask_holds_nothing(database: Database) -> None:
    async with workers(database, 3) as [idle, busy, _]:
        await busy.ask(30)

        assert await agree(idle, busy) == [0, TOTAL]
        assert await leased(database) == TOTAL


async def test_a_job_that_has_begun_is_given_slots_before_its_first_request(database: Database) -> None:
    async with workers(database, 1) as [worker]:
        with worker.share.job(uuid4(), 0, 5):
            assert await agree(worker) == [5]
        assert await agree(worker) == [0]


async def test_a_worker_whose_last_job_has_ended_gives_its_slots_back_at_once(database: Database) -> None:
    async with workers(database, 1) as [worker]:
        with worker.share.job(uuid4(), 0, 5) as passing:
            assert await agree(worker) == [5]
            async with passing.admitted():
                await worker.agree()
            worker.gate.changed.clear()

        assert worker.gate.changed.is_set()
        assert await worker.agree() == 0
        assert await leased(database) == 0


async def test_a_renewal_waits_for_a_claim_that_has_said_already_what_its_job_needs(database: Database) -> None:
    async with workers(database, 1) as [worker]:
        await agree(worker)
        with worker.share.claiming():
            renewing = asyncio.create_task(worker.share.agree())
            await settled()
            async with database.connection() as connection:
                await connection.execute(
                    "UPDATE portal_shares SET users = ARRAY[gen_random_uuid()], wanted = ARRAY[5], in_use = ARRAY[0]"
                )
            with worker.share.job(uuid4(), 0, 5):
                # Without a limit: a renewal always ends.
                await renewing
        async with database.connection() as connection:
            assert await connection.fetch_val("SELECT wanted FROM portal_shares") == [5]


async def test_slots_that_are_not_needed_any_more_are_given_back(database: Database) -> None:
    async with workers(database, 2) as [first, second]:
        job = await first.ask(30)
        await second.ask(30)
        await agree(first)
        await job.stop()

        # The second renewal sees no request since the first one.
        assert await agree(first, second) == [0, TOTAL]


async def test_slots_in_use_are_kept_until_their_requests_have_ended(database: Database) -> None:
    async with workers(database, 2) as [first, second]:
        job = await first.ask(30)
        await agree(first)
        await second.ask(30)

        held = await agree(second, first)
        assert (held[0], first.gate.in_flight) == (0, TOTAL)
        for _ in range(3):
            await job.end_one()
        assert await agree(first, second) == [7, 3]
        for _ in range(2):
            await job.end_one()
        assert await agree(first, second) == [5, 5]


async def test_users_share_alike_wherever_their_jobs_run(database: Database) -> None:
    batch, single = uuid4(), uuid4()
    async with workers(database, 4) as four:
        for worker in four[:3]:
            await worker.ask(30, batch)
        await four[3].ask(5, single)

        held = await agree(*four)
        # A worker with too many slots gives them back as its requests end.
        for _ in range(TOTAL):
            for worker in [each for each in four[:3] if each.gate.in_flight > each.gate.limit]:
                await worker.jobs[0].end_one()
            held = await agree(*four)

        assert (sum(held), held[3]) == (TOTAL, 5)


async def test_many_workers_never_have_more_than_there_is(database: Database) -> None:
    async with workers(database, 7) as seven:
        for worker in seven:
            await worker.ask(10)

        for _ in range(6):
            await asyncio.gather(*(worker.share.agree() for worker in seven))
            await settled()
            assert sum(worker.gate.limit for worker in seven) <= TOTAL

        assert sum(worker.gate.in_flight for worker in seven) == TOTAL


async def test_the_slots_of_a_worker_that_died_return(database: Database) -> None:
    async with workers(database, 2) as [dead, survivor]:
        await dead.ask(30)
        await agree(dead)
        async with database.connection() as connection:
            await connection.execute("UPDATE portal_slots SET expires_at = now() - interval '1 second'")
            await connection.execute("UPDATE portal_shares SET seen_at = now() - interval '11 seconds'")
        await survivor.ask(30)

        assert await agree(survivor) == [TOTAL]
        async with database.connection() as connection:
            assert await portal_slots.count_workers(connection) == 1


async def test_a_worker_that_stood_still_finds_its_slots_gone_before_it_asks_again(database: Database) -> None:
    async with workers(database, 2) as [frozen, other]:
        with running_loop_clock() as clock:
            job = await frozen.ask(30)
            await agree(frozen)
            # It is frozen: its leases end, and another worker takes the slots.
            async with database.connection() as connection:
                await connection.execute("UPDATE portal_slots SET expires_at = now() - interval '1 second'")
                await connection.execute("UPDATE portal_shares SET seen_at = now() - interval '11 seconds'")
            clock.put_forward(portal_slots.SLOT_LEASE.total_seconds())
            await asyncio.wait(job.tasks, return_when=asyncio.FIRST_EXCEPTION)
            await other.ask(30)
            await agree(other)

            # Open requests are cut off and no other may start, before it knows of the loss.
            assert (frozen.gate.in_flight, other.gate.in_flight) == (0, TOTAL)
            assert await frozen.agree() == 0


async def test_a_worker_that_ends_leaves_its_slots_at_once(database: Database) -> None:
    async with workers(database, 1) as [leaving]:
        await leaving.ask(TOTAL)
        keeping = asyncio.create_task(leaving.share.keep_for_ever())
        async with asyncio.timeout(60):
            while not await leased(database):  # noqa: ASYNC110  (a row in a database)
                await asyncio.sleep(0.01)

        keeping.cancel()
        await asyncio.wait([keeping])

        assert await leased(database) == 0


async def opened(job: Job, count: int) -> None:
    """Wait until `count` requests are open."""
    async with asyncio.timeout(60):
        while len(job.open) < count:  # noqa: ASYNC110  (a row in a database)
            await asyncio.sleep(0.01)


async def test_slots_are_taken_as_soon_as_a_request_needs_them(database: Database) -> None:
    async with workers(database, 1) as [worker]:
        keeping = asyncio.create_task(worker.share.keep_for_ever())
        for _ in range(3):
            job = await worker.ask(5)
            await opened(job, 5)
            await job.stop()
        keeping.cancel()
        await asyncio.wait([keeping])


async def test_workers_of_the_version_before_keep_what_they_were_granted(database: Database) -> None:
    async with workers(database, 1) as [worker]:
        async with database.connection() as connection:
            await connection.execute("INSERT INTO portal_shares (worker_id, granted) VALUES (gen_random_uuid(), 7)")
        await worker.ask(30)

        assert await agree(worker) == [3]
        async with database.connection() as connection:
            # They count these in their turn.
            taken = await connection.fetch_val("SELECT sum(granted) FROM portal_shares WHERE users IS NOT NULL")
        assert taken == 3


async def test_a_pause_that_the_portal_asked_for_reaches_every_worker(database: Database) -> None:
    async with database.connection() as connection:
        assert await portal_state.pause_left(connection) == 0
        await portal_state.pause(connection, 600)
        await portal_state.pause(connection, 5)
        assert 500 < await portal_state.pause_left(connection) <= 600
    async with workers(database, 1) as [other]:
        job = await other.ask(1)

        assert (await agree(other), job.open) == ([1], [])


async def test_an_error_that_nobody_expected_leaves_the_gate_open(database: Database) -> None:
    async with workers(database, 1) as [only]:
        # A lease lasts only some seconds.
        with running_loop_clock():
            await only.ask(30)
            await agree(only)
            async with database.connection() as connection:
                await connection.execute("ALTER TABLE portal_slots RENAME TO elsewhere")

            assert await only.agree() == TOTAL


async def test_a_worker_without_a_database_stops_asking_before_its_leases_end(database: Database) -> None:
    async with workers(database, 1) as [lonely]:
        with running_loop_clock() as clock:
            job = await lonely.ask(1)
            await agree(lonely)
            database._backend._pool.terminate()  # noqa: SLF001  (what a server that is gone looks like from here)
            assert (await lonely.agree(), lonely.gate.in_flight) == (1, 1)

            clock.put_forward(portal_slots.SLOT_LEASE.total_seconds() - MARGIN)
            await asyncio.wait(job.tasks)
            await lonely.ask(1)
            await lonely.agree()

            assert lonely.gate.in_flight == 0
