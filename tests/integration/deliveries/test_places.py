"""The slots of a user at a host limit the attempts in progress."""

import asyncio
from uuid import UUID

import pytest

from service.database.connection import Database
from service.domain.deliveries import HOST_CONCURRENCY, HOST_FAILURES, ClaimedDelivery, DeliveryMessage
from tests.support.deliveries.attempts import (
    DELIVERED,
    RETRY,
    claim,
    claimed,
    let_fail,
    make,
    record,
    sweep,
    waiting,
)
from tests.support.deliveries.deliveries import row, schedule, update


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://hooks.example.com/a?b=https://other.example.com/", "hooks.example.com"),
        ("https://hooks.example.com", "hooks.example.com"),
        ("http://127.0.0.1:8080/x", "127.0.0.1:8080"),
        ("https://[2001:db8::1]:8443?x", "[2001:db8::1]:8443"),
    ],
)
async def test_the_host_is_read_from_the_url(database: Database, user_id: UUID, url: str, host: str) -> None:
    (delivery_id,) = await schedule(database, user_id, url)

    assert (await row(database, delivery_id))["host"] == host


async def test_a_host_has_a_few_places_whoever_asks_at_once(database: Database, user_id: UUID, url: str) -> None:
    ids = await schedule(database, user_id, *[url] * 20)

    claims = await asyncio.gather(*(claim(database, delivery_id) for delivery_id in ids))

    assert len([each for each in claims if each is not None]) == HOST_CONCURRENCY


async def test_a_place_that_becomes_free_is_for_whoever_waited(database: Database, user_id: UUID, url: str) -> None:
    ids = await schedule(database, user_id, *[url] * (HOST_CONCURRENCY + 3))
    under_way = [await claimed(database, delivery_id) for delivery_id in ids[:HOST_CONCURRENCY]]
    for delivery_id in ids[HOST_CONCURRENCY:]:
        assert await claim(database, delivery_id) is None
    host = under_way[0].host
    assert await waiting(database, host, user_id) == []

    await record(database, under_way[0], DELIVERED)

    assert await waiting(database, host, user_id) == [ids[HOST_CONCURRENCY]]
    for delivery_id in ids[HOST_CONCURRENCY:]:
        found = await row(database, delivery_id)
        assert (found["attempts"], found["status"]) == (0, "scheduled")


async def test_a_place_comes_back_when_the_lease_of_a_dead_worker_ends(
    database: Database, user_id: UUID, url: str
) -> None:
    ids = await schedule(database, user_id, *[url] * (HOST_CONCURRENCY + 1))
    for delivery_id in ids[:-1]:
        await claimed(database, delivery_id)
    assert await claim(database, ids[-1]) is None

    await update(database, ids[0], "lease_expires_at = now() - interval '1 s', ring_at = now()")

    assert isinstance(await claim(database, ids[-1]), ClaimedDelivery)


async def test_a_host_that_keeps_failing_is_probed_by_one_until_one_succeeds(
    database: Database, user_id: UUID, url: str
) -> None:
    await let_fail(database, user_id, url)
    ids = await schedule(database, user_id, *[url] * 6)

    probes = [await claim(database, delivery_id) for delivery_id in ids]

    probe = probes[0]
    assert isinstance(probe, ClaimedDelivery)
    assert probes[1:] == [None] * 5
    await record(database, probe, RETRY)
    assert len(await waiting(database, probe.host, user_id)) == 1
    second = await claimed(database, ids[1])
    await record(database, second, DELIVERED)
    claims = [await claim(database, delivery_id) for delivery_id in ids[2:]]
    assert len([each for each in claims if each is not None]) == HOST_CONCURRENCY


async def test_failures_that_are_not_in_a_row_leave_a_host_its_places(
    database: Database, user_id: UUID, url: str
) -> None:
    await let_fail(database, user_id, url, HOST_FAILURES - 1)
    (delivered,) = await schedule(database, user_id, url)
    await make(database, delivered, DELIVERED)
    await let_fail(database, user_id, url, HOST_FAILURES - 1)

    claims = [await claim(database, each) for each in await schedule(database, user_id, url, url)]

    assert all(isinstance(each, ClaimedDelivery) for each in claims)


async def test_first_attempts_at_a_failing_host_are_passed_on_to_the_late_ones(
    database: Database, user_id: UUID, url: str
) -> None:
    await let_fail(database, user_id, url)
    (delivery_id,) = await schedule(database, user_id, url)

    passed_on = await claim(database, delivery_id, may_probe=False)

    assert isinstance(passed_on, DeliveryMessage)
    assert (passed_on.id, passed_on.enqueue_count) == (delivery_id, 1)
    assert isinstance(await claim(database, delivery_id), ClaimedDelivery)


async def test_the_sweep_rings_once_for_all_workers_and_not_for_more_than_a_host_has_places(
    database: Database, user_id: UUID, url: str
) -> None:
    ids = await schedule(database, user_id, *[url] * 10)
    (other,) = await schedule(database, user_id, url.replace("host", "other"))
    for delivery_id in (*ids, other):
        await update(database, delivery_id, "ring_at = now()")

    enqueued = [each for found in await asyncio.gather(*(sweep(database) for _ in range(6))) for each in found]

    assert enqueued.count(other) == 1
    assert len(set(enqueued) & set(ids)) == len([each for each in enqueued if each in ids]) >= HOST_CONCURRENCY


async def test_the_sweep_leaves_a_host_alone_that_has_no_place(database: Database, user_id: UUID, url: str) -> None:
    ids = await schedule(database, user_id, *[url] * (HOST_CONCURRENCY + 5))
    for delivery_id in ids[:HOST_CONCURRENCY]:
        await claimed(database, delivery_id)
    for delivery_id in ids[HOST_CONCURRENCY:]:
        assert await claim(database, delivery_id) is None

    assert not set(await sweep(database)) & set(ids)
