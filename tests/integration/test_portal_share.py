"""The places at the portal are shared by all workers, and never exceeded, whoever comes and goes."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from service.database import portal
from service.database.connection import Database, create_database
from service.local.stack import Stack
from service.portal.gate import Gate
from tests.conftest import create_database as create_empty
from tests.support.loop_clock import running_loop_clock
from worker.portal_share import PortalShare

TOTAL = 10


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    pool = create_database(await create_empty(stack), application_name="tests", max_size=8)
    await pool.connect()
    yield pool
    await pool.close()


async def granted(database: Database) -> int:
    async with database.connection() as connection:
        return int(await connection.fetch_val("SELECT coalesce(sum(granted), 0) FROM portal_shares"))


def share(database: Database) -> tuple[PortalShare, Gate]:
    gate = Gate(0)
    return PortalShare(database, gate, total=TOTAL), gate


async def test_one_worker_has_all_places(database: Database) -> None:
    only, gate = share(database)

    await only.agree()

    assert gate.limit == TOTAL


async def test_a_second_worker_gets_half_once_the_first_has_given_it_back(database: Database) -> None:
    first, first_gate = share(database)
    second, second_gate = share(database)
    await first.agree()

    await second.agree()
    assert (first_gate.limit, second_gate.limit) == (TOTAL, 0)
    await first.agree()
    assert (first_gate.limit, second_gate.limit) == (5, 0)
    await second.agree()
    assert (first_gate.limit, second_gate.limit) == (5, 5)


async def test_places_in_use_are_not_given_away(database: Database) -> None:
    first, first_gate = share(database)
    second, second_gate = share(database)
    await first.agree()
    async with first_gate.admitted(), first_gate.admitted(), first_gate.admitted():
        async with first_gate.admitted(), first_gate.admitted(), first_gate.admitted(), first_gate.admitted():
            await second.agree()
            await first.agree()
            await second.agree()
            assert (first_gate.in_flight, second_gate.limit) == (7, 3)
        await first.agree()
        await second.agree()
        assert second_gate.limit == 5


async def test_many_workers_never_have_more_than_there_is(database: Database) -> None:
    shares = [share(database) for _ in range(7)]

    for _ in range(4):
        await asyncio.gather(*(each.agree() for each, _gate in shares))
        assert sum(gate.limit for _each, gate in shares) <= TOTAL
        assert await granted(database) <= TOTAL

    assert all(gate.limit >= 1 for _each, gate in shares)


async def test_the_share_of_a_worker_that_died_returns(database: Database) -> None:
    async with database.transaction() as connection:
        await portal.agree_on_share(connection, uuid4(), total=TOTAL, in_use=TOTAL)
        await connection.execute("UPDATE portal_shares SET seen_at = now() - interval '11 seconds'")
    survivor, gate = share(database)

    await survivor.agree()

    assert gate.limit == TOTAL


async def test_a_worker_that_ends_leaves_its_share_at_once(database: Database) -> None:
    leaving, _gate = share(database)
    keeping = asyncio.create_task(leaving.keep_for_ever())
    async with asyncio.timeout(60):
        while not await granted(database):  # noqa: ASYNC110  (a row in a database)
            await asyncio.sleep(0.01)

    keeping.cancel()
    await asyncio.wait([keeping])

    assert await granted(database) == 0


async def test_a_pause_that_the_portal_asked_for_reaches_every_worker(database: Database) -> None:
    async with database.connection() as connection:
        assert await portal.pause_left(connection) == 0
        await portal.pause(connection, 600)
        await portal.pause(connection, 5)
        assert 500 < await portal.pause_left(connection) <= 600
    other, gate = share(database)
    await other.agree()

    async def enter() -> None:
        async with gate.admitted():
            pass

    entering = asyncio.create_task(enter())
    done, _pending = await asyncio.wait([entering], timeout=0.2)
    entering.cancel()

    assert not done


async def test_an_error_that_nobody_expected_leaves_the_gate_open(database: Database) -> None:
    only, gate = share(database)
    # A share is good for seconds only.
    with running_loop_clock():
        await only.agree()
        async with database.connection() as connection:
            await connection.execute("ALTER TABLE portal_shares RENAME TO elsewhere")

        await only.agree()

    assert gate.limit == TOTAL


async def test_a_worker_without_a_database_stops_asking_before_its_share_expires(database: Database) -> None:
    lonely, gate = share(database)
    database._backend._pool.terminate()  # noqa: SLF001  (what a server that is gone looks like from here)

    await lonely.agree()

    assert gate.limit == 0
