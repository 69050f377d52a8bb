"""Which watched case is checked next, how many at a time, and how often, by all workers together."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from service.database.connection import Connection, Database
from service.database.monitors import pace, watches
from service.database.monitors.watches import Checker, ClaimedWatch
from service.domain.monitoring.check_times import ALL_DAY, CheckHours
from service.domain.process_number import ProcessNumber
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.watchers import add_watches
from tests.support.deliveries.deliveries import add_user, open_pool

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
ONE_A_SECOND = 1 / pace.PACE  # checks that become due in a second, for a pace of one a second
WIDE = Checker(at_once=1000, hours=ALL_DAY)


@pytest.fixture(scope="module")
async def pool(stack: Stack) -> AsyncIterator[Database]:
    async with open_pool(await create_database(stack), size=8) as pool:
        yield pool


@pytest.fixture
async def database(pool: Database) -> Database:
    """A database in which nobody watches anything."""
    async with pool.connection() as connection:
        await connection.execute("DELETE FROM monitors")
        await connection.execute("DELETE FROM watches")
        await connection.execute("UPDATE check_pace SET next_at = '-infinity', rate = 1000, rate_at = now()")
    return pool


async def add(database: Database, late: list[timedelta]) -> list[ProcessNumber]:
    """Add a watched case for each of these times for which its check has been due."""
    (user_id, _), now = await add_user(database), datetime.now(UTC)
    async with database.transaction() as connection:
        return await add_watches(connection, user_id, [now - each for each in late])


async def claim(database: Database, checker: Checker = WIDE) -> ClaimedWatch | None:
    async with database.transaction() as connection:
        return await watches.claim_next(connection, checker)


async def claim_all(database: Database, checker: Checker = WIDE) -> list[ClaimedWatch]:
    found = list[ClaimedWatch]()
    while (each := await claim(database, checker)) is not None:
        found.append(each)
    return found


async def set_pace(database: Database, **columns: object) -> None:
    async with database.connection() as connection:
        for name, value in columns.items():
            await connection.execute(f"UPDATE check_pace SET {name} = :value", {"value": value})  # noqa: S608


async def test_the_case_that_became_due_first_is_next(database: Database) -> None:
    cases = await add(database, [MINUTE, 3 * MINUTE, 2 * MINUTE, -MINUTE])

    claimed = await claim_all(database)

    assert [each.number for each in claimed] == [cases[1], cases[2], cases[0]]
    assert [round(each.late / MINUTE) for each in claimed] == [3, 2, 1]


async def test_a_check_that_somebody_asked_for_goes_first(database: Database) -> None:
    cases = await add(database, [MINUTE, -DAY])
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE watches SET check_requested_at = now() WHERE process_number = :number", {"number": cases[1].digits}
        )

    assert [each.number for each in await claim_all(database)] == [cases[1], cases[0]]


@pytest.mark.parametrize("at_once", [1, 3])
async def test_no_more_run_than_the_share_allows(database: Database, at_once: int) -> None:
    await add(database, [MINUTE] * 10)
    checker = Checker(at_once, ALL_DAY)

    async def claim_some(_worker: int) -> list[ClaimedWatch]:
        return [each for _ in range(6) if (each := await claim(database, checker)) is not None]

    claimed = [each for found in await asyncio.gather(*map(claim_some, range(6))) for each in found]

    assert len(claimed) == at_once
    await database.run(lambda connection: watches.release(connection, claimed[0]))
    assert len(await claim_all(database, checker)) == 1


async def test_the_share_of_a_worker_that_died_is_free_when_its_lease_ends(database: Database) -> None:
    await add(database, [MINUTE] * 2)
    checker = Checker(1, ALL_DAY)
    assert await claim(database, checker) is not None
    assert await claim(database, checker) is None
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE watches SET lease_expires_at = now() - interval '1 second' WHERE lease_token IS NOT NULL"
        )

    assert await claim(database, checker) is not None
    async with database.connection() as connection:
        assert await watches.release_expired(connection, limit=10) in {0, 1}


async def test_scheduled_checks_begin_at_a_steady_pace(database: Database) -> None:
    await add(database, [DAY] * 40)
    await set_pace(database, rate=ONE_A_SECOND)

    assert len(await claim_all(database)) == pace.CHECK_BURST
    await set_pace(database, next_at=datetime.now(UTC) - timedelta(milliseconds=900))
    assert len(await claim_all(database)) == 1
    # A long time without checks is a burst too, and not more.
    await set_pace(database, next_at=datetime.now(UTC) - DAY)
    assert len(await claim_all(database)) == pace.CHECK_BURST


async def test_what_is_asked_for_does_not_wait_for_the_pace(database: Database) -> None:
    await add(database, [DAY] * 3)
    await set_pace(database, next_at=datetime.now(UTC) + DAY)
    assert await claim(database) is None

    async with database.connection() as connection:
        await connection.execute("UPDATE watches SET check_requested_at = now()")

    assert len(await claim_all(database)) == 3


async def test_outside_of_the_hours_only_what_is_asked_for_is_checked(database: Database) -> None:
    cases = await add(database, [DAY, DAY])
    # In Brasília it is three hours earlier; an hour that has passed or comes, whatever the minute is.
    hour = (datetime.now(UTC) - timedelta(hours=3)).hour
    closed = Checker(1000, CheckHours((hour + 10) % 24, (hour + 12) % 24))
    assert await claim(database, closed) is None
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE watches SET check_requested_at = now() WHERE process_number = :number", {"number": cases[1].digits}
        )

    assert [each.number for each in await claim_all(database, closed)] == [cases[1]]
    assert [each.number for each in await claim_all(database)] == [cases[0]]


async def test_the_rate_is_counted_from_the_watched_cases(database: Database) -> None:
    await add(database, [-MINUTE] * 10)
    await set_pace(database, rate=0.0)

    async def rate(connection: Connection) -> float:
        await pace.refresh_rate(connection, lambda every: 1 / every.total_seconds())
        found: float = await connection.fetch_val("SELECT rate FROM check_pace")
        return found

    assert await database.run(rate) == 0.0
    await set_pace(database, rate_at=datetime.now(UTC) - 2 * pace.RATE_LIFETIME)
    assert await database.run(rate) == pytest.approx(10 / DAY.total_seconds())


async def test_a_worker_that_claims_makes_no_other_one_wait(database: Database) -> None:
    await add(database, [DAY])
    async with database.transaction() as connection:
        assert await pace.lock(connection) is not None
        async with asyncio.timeout(10):
            assert await asyncio.create_task(claim(database)) is None

    assert await claim(database) is not None
