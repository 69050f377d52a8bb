"""Who gets a free slot: first attempts and retries, one user and another."""

import asyncio
from uuid import UUID

from service.database.connection import Database
from service.database.deliveries import deliveries, overdue
from service.domain.deliveries import HOST_CONCURRENCY, HOST_PROBES_TOTAL, HOST_TOTAL, USER_PROBES, ClaimedDelivery
from tests.support.deliveries.attempts import (
    GIVEN_UP,
    RETRY,
    claim,
    claimed,
    let_fail,
    make,
    record,
    resend,
    sweep,
    waiting,
)
from tests.support.deliveries.deliveries import add_user, row, schedule, update

PLACES = 40


async def overdue_for_an_hour(database: Database, user_id: UUID, *urls: str) -> list[UUID]:
    """Deliveries with long overdue second attempts."""
    ids = await schedule(database, user_id, *urls)
    for delivery_id in ids:
        await make(database, delivery_id, RETRY)
    for delivery_id in ids:
        await update(database, delivery_id, "next_attempt_at = now() - interval '1 hour', ring_at = now()")
    return ids


async def made_late(database: Database, user_id: UUID, url: str) -> UUID:
    """A delivery whose first attempt was an hour ago, and whose second one is due."""
    (delivery_id,) = await schedule(database, user_id, url)
    change = "attempts = 1, next_attempt_at = now() - interval '1 hour', ring_at = now() - interval '1 hour'"
    await update(database, delivery_id, change)
    return delivery_id


async def fill(database: Database, user_id: UUID, url: str) -> list[ClaimedDelivery]:
    """Use all slots for first attempts."""
    taken: list[ClaimedDelivery] = []
    while True:
        (new,) = await schedule(database, user_id, url)
        if not isinstance(found := await claim(database, new), ClaimedDelivery):
            return taken
        taken.append(found)


async def places_until(database: Database, user_id: UUID, under_way: list[ClaimedDelivery], wanted: UUID) -> int:
    """How many slots become free before a delivery gets one, if a new delivery waits for each of them."""
    for place in range(PLACES):
        (new,) = await schedule(database, user_id, under_way[0].url)
        assert await claim(database, new) is None
        ended = under_way.pop(0)
        await record(database, ended, RETRY)
        (enqueued,) = await waiting(database, ended.host, user_id)
        found = await claim(database, enqueued)
        assert isinstance(found, ClaimedDelivery)
        if found.id == wanted:
            return place
        under_way.append(found)
    return PLACES


async def test_a_late_attempt_at_a_dead_host_is_made_although_new_deliveries_keep_coming(
    database: Database, user_id: UUID, url: str
) -> None:
    await let_fail(database, user_id, url)
    under_way = await fill(database, user_id, url)
    late = await made_late(database, user_id, url)

    assert len(under_way) == USER_PROBES
    assert await places_until(database, user_id, under_way, late) <= 1


async def test_a_late_attempt_at_a_host_whose_places_are_all_taken_is_made_too(
    database: Database, user_id: UUID, url: str
) -> None:
    under_way = await fill(database, user_id, url)
    late = await made_late(database, user_id, url)

    assert len(under_way) == HOST_CONCURRENCY
    assert await places_until(database, user_id, under_way, late) <= 1


async def test_every_one_of_many_is_given_up_in_the_end(database: Database, user_id: UUID, url: str) -> None:
    await let_fail(database, user_id, url)
    old = await overdue_for_an_hour(database, user_id, *[url] * 5)
    ended: list[UUID] = []

    for _ in range(4 * len(old)):
        (new,) = await schedule(database, user_id, url)
        found = await claim(database, new)
        assert isinstance(found, ClaimedDelivery)
        await record(database, found, GIVEN_UP if found.attempt > 1 else RETRY)
        ended += [found.id] * (found.attempt > 1)

    assert ended == old


async def test_a_first_attempt_goes_before_a_late_one_and_then_they_take_turns(
    database: Database, user_id: UUID, url: str
) -> None:
    late = await overdue_for_an_hour(database, user_id, url, url)
    first = await schedule(database, user_id, url, url)

    found = [await claim(database, late[0]) for _ in range(4)]

    assert [each.id for each in found if isinstance(each, ClaimedDelivery)] == [first[0], late[0], first[1], late[1]]


async def test_a_delivery_whose_message_started_another_one_is_enqueued_at_the_next_free_place(
    database: Database, user_id: UUID, url: str
) -> None:
    first, second = await schedule(database, user_id, url, url)

    found = await claim(database, second)

    assert isinstance(found, ClaimedDelivery)
    assert found.id == first
    await record(database, found, RETRY)
    assert await waiting(database, found.host, user_id) == [second]


async def test_what_a_person_asked_for_waits_like_a_first_attempt(database: Database, user_id: UUID, url: str) -> None:
    _late, wanted = await overdue_for_an_hour(database, user_id, url, url)
    await update(database, wanted, "status = 'failed', next_attempt_at = NULL, completed_at = now(), resend_at = now()")

    await claimed(database, wanted)


async def test_one_user_s_hanging_url_leaves_the_others_their_places(database: Database, url: str) -> None:
    hanging, other = [(await add_user(database))[0] for _ in range(2)]
    for delivery_id in await schedule(database, hanging, *[url] * HOST_CONCURRENCY):
        await claimed(database, delivery_id)

    for delivery_id in await schedule(database, other, *[url] * HOST_CONCURRENCY):
        await claimed(database, delivery_id)


async def test_one_user_s_failures_leave_the_others_their_places(database: Database, url: str) -> None:
    failing, other = [(await add_user(database))[0] for _ in range(2)]
    await let_fail(database, failing, url)

    claims = [await claim(database, each) for each in await schedule(database, other, *[url] * HOST_CONCURRENCY)]

    assert all(isinstance(each, ClaimedDelivery) for each in claims)


async def test_all_users_of_a_host_together_have_a_bound_and_wait_for_each_other(database: Database, url: str) -> None:
    under_way: list[ClaimedDelivery] = []
    while len(under_way) < HOST_TOTAL:
        user_id, _key = await add_user(database)
        ids = await schedule(database, user_id, *[url] * HOST_CONCURRENCY)
        under_way += [await claimed(database, delivery_id) for delivery_id in ids]
    late_comer, _key = await add_user(database)
    (waits,) = await schedule(database, late_comer, url)

    assert await claim(database, waits) is None
    assert waits not in await sweep(database)
    await record(database, under_way[0], GIVEN_UP)
    assert waits in await waiting(database, under_way[0].host, under_way[0].user_id)
    await claimed(database, waits)


async def test_users_whose_urls_all_hang_leave_places_to_one_whose_does_not(database: Database, url: str) -> None:
    async def probe() -> bool:
        user_id, _key = await add_user(database)
        await let_fail(database, user_id, url)
        (delivery_id,) = await schedule(database, user_id, url)
        return isinstance(await claim(database, delivery_id), ClaimedDelivery)

    probes = [await probe() for _ in range(HOST_PROBES_TOTAL + 2)]
    healthy, _key = await add_user(database)
    claims = [await claim(database, each) for each in await schedule(database, healthy, *[url] * HOST_CONCURRENCY)]

    assert probes == [True] * HOST_PROBES_TOTAL + [False] * 2
    assert all(isinstance(each, ClaimedDelivery) for each in claims)


async def test_the_sweep_rings_for_no_more_failing_users_than_a_host_has_places_for(
    database: Database, url: str
) -> None:
    under_way = []
    for _ in range(HOST_PROBES_TOTAL):
        user_id, _key = await add_user(database)
        await let_fail(database, user_id, url)
        under_way += [await claimed(database, each) for each in await schedule(database, user_id, url)]
    late_comer, _key = await add_user(database)
    await let_fail(database, late_comer, url)
    (waits,) = await schedule(database, late_comer, url)
    await update(database, waits, "ring_at = now()")

    assert waits not in await sweep(database)
    await record(database, under_way[0], GIVEN_UP)
    assert waits in await sweep(database)


async def test_an_attempt_that_began_to_be_written_earlier_finds_what_was_refused_meanwhile(
    database: Database, user_id: UUID, url: str
) -> None:
    *busy, waits = await schedule(database, user_id, *[url] * (HOST_CONCURRENCY + 1))
    under_way = [await claimed(database, each) for each in busy]

    async with database.transaction() as connection:
        # A transaction that waited, as for the lock of the host: its `now()` is from before the refusal.
        await connection.fetch_val("SELECT now()")
        assert await asyncio.create_task(claim(database, waits)) is None
        await connection.execute(
            "UPDATE deliveries SET lease_token = NULL, lease_expires_at = NULL WHERE id = :id", {"id": busy[0]}
        )
        messages = await overdue.take_waiting(connection, under_way[0].host, user_id)

    assert [each.id for each in messages] == [waits]


async def asked_and_claimed(database: Database, delivery_id: UUID) -> ClaimedDelivery:
    """A resend in progress."""
    await resend(database, delivery_id)
    return await claimed(database, delivery_id)


async def test_a_wish_that_was_written_during_an_attempt_is_not_forgotten(
    database: Database, user_id: UUID, url: str
) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    await make(database, delivery_id, GIVEN_UP)

    async with database.transaction() as connection:
        await connection.fetch_val("SELECT now()")
        under_way = await asyncio.create_task(asked_and_claimed(database, delivery_id))
        await deliveries.resend(connection, delivery_id)
    await record(database, under_way, GIVEN_UP)

    assert (await row(database, delivery_id))["resend_at"] is not None
