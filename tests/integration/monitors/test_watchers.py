"""Who is told: users who come, go and are deleted while checks, requests and jobs go on; and what a check costs."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from service.database.cases import processes
from service.database.leases import LeaseLost
from service.database.monitors import monitors, watches
from service.database.users import users
from service.domain.case_data import Movement
from service.domain.errors import ErrorCode
from tests.support.database.case_steps import listed
from tests.support.database.watchers import WatchedCase, moved
from tests.support.deliveries.deliveries import add_user

#: Statements of a check, with its transactions and the helper of the test: one that finds nothing, one that tells.
PER_CHECK, PER_UPDATE = 24, 33


async def test_the_job_of_a_check_is_of_a_watcher_and_told_to_nobody(watched: WatchedCase) -> None:
    readers = {await watched.watch() for _ in range(3)}
    await watched.check(listed("a"))
    payers = set[UUID]()
    for serial in range(12):
        await watched.check(listed("a"), *(listed(f"b{each}") for each in range(serial + 1)))
        [job_id] = await watched.active_jobs()
        job = await watched.job(job_id)
        assert job["lane"] == 1
        payers.add(job["user_id"])
        await watched.settle()

    assert payers == readers
    seen = await watched.fetch(
        "SELECT 1 FROM job_users JOIN jobs ON jobs.id = job_id WHERE process_number = :number AND lane = 1"
    )
    assert seen == []


async def test_a_check_joins_the_job_that_runs(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    await watched.register(listed("a"), listed("b"))
    accepted = await watched.ask()

    await watched.check(listed("a"), listed("b"), listed("c"))
    assert await watched.active_jobs() == [accepted.job_id]
    await watched.settle()

    assert await watched.names(user_id) == [["b", "c"]]


async def test_a_watcher_who_comes_later_is_told_only_what_comes_after(watched: WatchedCase) -> None:
    early = await watched.watch()
    await watched.check(listed("a"))
    await watched.check(listed("a"), listed("b"))
    late = await watched.watch()
    assert (await watched.monitor(late)).last_checked_at is None
    # The baseline of one is the second check of the other, and "b" is under way.
    await watched.check(listed("a"), listed("b"), movements=(moved(1),))
    await watched.settle()
    await watched.check(listed("a"), listed("b"), movements=(moved(2), moved(1)))

    assert await watched.names(early) == [["b", "Ato 1"], ["Ato 2"]]
    assert await watched.names(late) == [["Ato 2"]]
    last_of_early, last_of_late = (await watched.told(early))[-1], (await watched.told(late))[-1]
    assert last_of_early["event_id"] == last_of_late["event_id"]


async def test_a_monitor_that_was_put_while_a_check_ran_waits_for_the_next_one(watched: WatchedCase) -> None:
    await watched.watch()
    claimed = await watched.claim_check()
    late = await watched.watch()

    await watched.find(claimed, listed("a"))

    assert (await watched.monitor(late)).last_checked_at is None
    [row] = await watched.fetch("SELECT check_requested_at FROM watches WHERE process_number = :number")
    assert row["check_requested_at"] is not None


async def test_the_same_wish_again_keeps_the_baseline(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    await watched.watch(user_id)

    await watched.check(listed("a"), movements=(moved(1),))

    assert await watched.names(user_id) == [["Ato 1"]]


async def test_a_monitor_that_was_deleted_and_put_again_has_a_new_baseline(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    await watched.run(lambda connection: monitors.delete(connection, watched.number, user_id))
    await watched.watch(user_id)

    await watched.check(listed("a"), movements=(moved(1),))

    assert await watched.told(user_id) == []


async def test_who_stops_watching_while_documents_settle_is_told_nothing(watched: WatchedCase) -> None:
    leaves, stays = await watched.watch(), await watched.watch()
    await watched.check(listed("a"))
    await watched.check(listed("a"), listed("b"))

    await watched.run(lambda connection: monitors.delete(connection, watched.number, leaves))
    await watched.settle()

    assert await watched.told(leaves) == []
    assert await watched.names(stays) == [["b"]]


async def test_a_user_who_was_deleted_watches_nothing(watched: WatchedCase) -> None:
    leaves, stays = await watched.watch(), await watched.watch()
    await watched.check(listed("a"))
    await watched.check(listed("a"), listed("b"))

    await watched.run(lambda connection: users.delete(connection, leaves))
    await watched.settle()

    assert await watched.run(lambda connection: monitors.find(connection, watched.number, leaves)) is None
    assert await watched.told(leaves) == []
    assert await watched.names(stays) == [["b"]]


async def test_the_checks_end_with_the_last_user(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    await watched.run(lambda connection: users.delete(connection, user_id))

    claimed = await watched.claim_check()
    assert claimed.every is None
    await watched.find(claimed, listed("a"))

    assert await watched.fetch("SELECT 1 FROM watches WHERE process_number = :number") == []


async def test_a_user_without_a_url_is_told_by_the_endpoints_alone(watched: WatchedCase) -> None:
    user_id = await watched.watch(url=None)
    await watched.check(listed("a"))

    assert (await watched.check(listed("a"), movements=(moved(1),))).deliveries == ()
    assert (await watched.monitor(user_id)).last_changed_at is not None


async def test_a_check_that_lost_its_lease_writes_nothing(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    late = await watched.claim_check()
    await watched.fetch(
        "UPDATE watches SET lease_expires_at = now() - interval '1 second' WHERE process_number = :number RETURNING 1"
    )
    other = await watched.claim_check()

    with pytest.raises(LeaseLost):
        await watched.find(late, listed("a"), movements=(moved(1),))
    with pytest.raises(LeaseLost):
        await watched.run(
            lambda connection: watches.fail(connection, late, ErrorCode.PORTAL_ERROR, delay=watches.CHECK_LEASE)
        )
    assert await watched.told(user_id) == []
    await watched.find(other, listed("a"), movements=(moved(1),))

    assert await watched.names(user_id) == [["Ato 1"]]


async def test_whatever_happens_at_the_same_moment_each_change_is_told_once(watched: WatchedCase) -> None:
    """Checks, ordinary listings, ends of jobs, users who come and go: three users see each change exactly once."""
    readers = [await watched.watch() for _ in range(3)]
    await watched.check(listed("a"))
    found = [listed("a")]
    for serial in range(8):
        found.append(listed(f"b{serial}"))
        acts = tuple(moved(day + 1) for day in range(serial + 1))
        guest, _ = await add_user(watched.database)
        await watched.check(*found, movements=acts)
        claimed = await watched.claim_check()
        await asyncio.gather(
            watched.settle(),
            watched.find(claimed, *found, movements=acts),
            watched.watch(guest),
            watched.register(*found),
            watched.run(lambda connection: users.delete(connection, guest)),  # noqa: B023  (awaited in this turn)
        )
    for _ in range(2):
        await watched.check(*found, movements=tuple(moved(day + 1) for day in range(8)))
        while await watched.active_jobs():
            await watched.settle()

    expected = sorted([f"b{serial}" for serial in range(8)] + [f"Ato {day + 1}" for day in range(8)])
    for user_id in readers:
        told = await watched.names(user_id)
        assert sorted(name for names in told for name in names) == expected
        assert all(told)


async def test_many_watchers_cost_no_more_statements(watched: WatchedCase) -> None:
    """What changes is told to forty users with as many statements as to one."""
    counts = list[int]()
    known = list[Movement]()
    for watchers in (1, 39):
        for _ in range(watchers):
            await watched.watch()
        await watched.check(listed("a"), movements=tuple(known))
        known.append(moved(len(known) + 1))
        counts.append(await statements(watched, tuple(known)))

    nothing_new = await statements(watched, tuple(known))

    assert counts[0] == counts[1] <= PER_UPDATE
    assert nothing_new <= PER_CHECK


async def statements(watched: WatchedCase, movements: tuple[Movement, ...]) -> int:
    """How many statements a check needs that finds a movement, from the claim to its end."""
    said = list[Any]()
    async with watched.database.connection() as connection:
        connection.raw_connection.add_query_logger(said.append)
        try:
            await watched.check(listed("a"), movements=movements)
        finally:
            connection.raw_connection.remove_query_logger(said.append)
    return len(said)


async def test_what_a_monitor_tells_is_not_the_webhook_of_a_request(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    await watched.ask("requested", user_id=user_id)
    await watched.check(listed("a"), movements=(moved(1),))

    overview = await watched.run(lambda connection: processes.overview(connection, watched.number, user_id))

    assert await watched.names(user_id) == [["Ato 1"]]
    assert overview is not None
    assert overview.subscription is not None
    assert overview.subscription.url == "https://host.example/requested"
