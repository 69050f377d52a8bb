"""Monitors as rows: put, changed, listed and deleted, each with the row of its case's checks."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from service.database.cases import case_requests
from service.database.connection import Database
from service.database.monitors import monitors
from service.database.monitors.monitors import MonitorFilter, PutMonitor
from service.domain.monitoring.monitors import Monitor, MonitorStatus, MonitorWish
from service.domain.positions import Position
from service.domain.process_number import ProcessNumber
from tests.support.database.case_steps import listed, listing_of
from tests.support.deliveries.deliveries import add_user

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def put(
    database: Database, case: ProcessNumber, user_id: UUID, every: timedelta = DAY, **more: Any
) -> PutMonitor:
    async with database.transaction() as connection:
        await case_requests.register(connection, listing_of(case, listed("a")))
        found = await monitors.put(connection, MonitorWish(case, user_id, every), **more)
    assert found is not None
    return found


async def watch(database: Database, case: ProcessNumber) -> dict[str, Any]:
    async with database.connection() as connection:
        row = await connection.fetch_one(
            "SELECT * FROM watches WHERE process_number = :number", {"number": case.digits}
        )
    return dict(row or {})


async def test_a_new_monitor_is_checked_at_once(database: Database, case: ProcessNumber) -> None:
    user_id, _ = await add_user(database)

    found = await put(database, case, user_id)

    assert (found.is_new, found.watch_id) == (True, (await watch(database, case))["id"])
    assert found.monitor.next_check_at <= datetime.now(UTC) + timedelta(seconds=5)
    assert (found.monitor.last_checked_at, found.monitor.status) == (None, MonitorStatus.ACTIVE)


async def test_a_case_that_was_listed_just_now_needs_no_first_check(database: Database, case: ProcessNumber) -> None:
    user_id, _ = await add_user(database)

    found = await put(database, case, user_id, is_listed_now=True)

    assert (found.is_new, found.watch_id) == (True, None)
    assert found.monitor.last_checked_at is not None
    assert found.monitor.next_check_at > datetime.now(UTC) + HOUR
    assert (await watch(database, case))["check_requested_at"] is None


async def test_the_same_wish_again_changes_nothing(database: Database, case: ProcessNumber) -> None:
    user_id, _ = await add_user(database)
    first = await put(database, case, user_id, is_listed_now=True)

    again = await put(database, case, user_id)

    assert (again.is_new, again.watch_id) == (False, None)
    assert again.monitor == first.monitor or again.monitor.next_check_at <= first.monitor.next_check_at
    assert (again.monitor.id, again.monitor.created_at) == (first.monitor.id, first.monitor.created_at)
    assert again.monitor.last_checked_at is not None


async def test_a_case_has_one_watch_with_the_shortest_interval(database: Database, case: ProcessNumber) -> None:
    users = [(await add_user(database))[0] for _ in range(3)]
    for user_id, every in zip(users, (DAY, HOUR, 7 * DAY), strict=True):
        await put(database, case, user_id, every)
    assert (await watch(database, case))["every"] == HOUR

    async with database.transaction() as connection:
        assert await monitors.delete(connection, case, users[1])
    assert (await watch(database, case))["every"] == DAY


async def test_the_checks_end_with_the_last_monitor(database: Database, case: ProcessNumber) -> None:
    users = [(await add_user(database))[0] for _ in range(2)]
    for user_id in users:
        await put(database, case, user_id)

    for user_id in users:
        assert await watch(database, case)
        async with database.transaction() as connection:
            assert await monitors.delete(connection, case, user_id)
            assert not await monitors.delete(connection, case, user_id)

    assert not await watch(database, case)


async def test_an_unknown_case_cannot_be_watched(database: Database, case: ProcessNumber) -> None:
    user_id, _ = await add_user(database)
    async with database.transaction() as connection:
        assert await monitors.put(connection, MonitorWish(case, user_id, DAY)) is None


async def test_only_who_watches_a_case_can_ask_for_a_check(database: Database, case: ProcessNumber) -> None:
    (user_id, _), (other_id, _) = await add_user(database), await add_user(database)
    await put(database, case, user_id, is_listed_now=True)

    async with database.connection() as connection:
        assert await monitors.request_check(connection, case, other_id) is None
        assert await monitors.request_check(connection, case, user_id) == (await watch(database, case))["id"]

    assert (await watch(database, case))["check_requested_at"] is not None


async def test_users_who_watch_a_case_at_the_same_moment_share_one_watch(
    database: Database, case: ProcessNumber
) -> None:
    users = [(await add_user(database))[0] for _ in range(6)]

    found = await asyncio.gather(*(put(database, case, user_id) for user_id in users))

    assert {each.watch_id for each in found} == {(await watch(database, case))["id"]}


async def test_a_user_sees_the_own_monitors_page_by_page(database: Database) -> None:
    (user_id, _), (other_id, _) = await add_user(database), await add_user(database)
    cases = [numbered(serial) for serial in range(5)]
    for case in cases:
        await put(database, case, user_id)
        await put(database, case, other_id)

    seen = await pages(database, user_id, MonitorFilter())

    assert [each.process_number for each in seen] == [case.digits for case in reversed(cases)]
    async with database.connection() as connection:
        assert await monitors.count_of_user(connection, user_id, most=3) == 3


async def test_failing_and_changed_monitors_are_found(database: Database) -> None:
    user_id, _ = await add_user(database)
    cases = [numbered(serial) for serial in range(3)]
    for case in cases:
        await put(database, case, user_id)
    since = datetime.now(UTC)
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE monitors SET is_failing = true WHERE process_number = :number AND user_id = :id",
            {"number": cases[1].digits, "id": user_id},
        )
        for case in reversed(cases[:2]):
            await connection.execute(
                "UPDATE monitors SET last_changed_at = change_time() WHERE process_number = :number AND user_id = :id",
                {"number": case.digits, "id": user_id},
            )

    async def numbers(**wanted: Any) -> list[str]:
        found = await pages(database, user_id, MonitorFilter(**wanted))
        return [each.process_number for each in found]

    assert await numbers(status=MonitorStatus.FAILING) == [cases[1].digits]
    assert await numbers(status=MonitorStatus.ACTIVE) == [cases[2].digits, cases[0].digits]
    assert await numbers(changed_since=since) == [cases[1].digits, cases[0].digits]
    assert await numbers(changed_since=since, status=MonitorStatus.FAILING) == [cases[1].digits]
    assert await numbers(changed_since=datetime.now(UTC) + HOUR) == []


async def pages(database: Database, user_id: UUID, wanted: MonitorFilter) -> list[Monitor]:
    """All pages, of one row each."""
    found: list[Monitor] = []
    while True:
        after: Position[UUID] | None = None
        if found:
            moment = found[-1].created_at if wanted.changed_since is None else found[-1].last_changed_at
            assert moment is not None
            after = Position(moment, found[-1].id)
        async with database.connection() as connection:
            rows = await monitors.page(connection, user_id, wanted, after=after, limit=1)
        if not rows:
            return found
        found += rows


def numbered(serial: int) -> ProcessNumber:
    """A number that no other test has."""
    digits = f"{serial:07}{uuid4().int % 90 + 10}20248260100"
    return ProcessNumber(digits)
