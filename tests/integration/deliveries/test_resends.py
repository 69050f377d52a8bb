"""Resends outside of the schedule: one delivery, or all failed ones."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from service.database.connection import Database
from service.database.deliveries import deliveries
from service.domain.deliveries import ClaimedDelivery, NextStep
from service.domain.statuses import DeliveryStatus
from tests.support.deliveries.attempts import (
    DELIVERED,
    GIVEN_UP,
    LOCAL_FAILURE,
    RETRY,
    attempts_written,
    claim,
    claimed,
    make,
    record,
    recover,
    resend,
    sweep,
)
from tests.support.deliveries.deliveries import add_user, row, schedule, update


async def test_a_resend_that_fails_leaves_the_schedule_as_it_was(database: Database, user_id: UUID, url: str) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    await make(database, delivery_id, RETRY)
    before = await row(database, delivery_id)

    assert await resend(database, delivery_id) is not None
    recorded = await make(database, delivery_id, GIVEN_UP)

    after = await row(database, delivery_id)
    for column in ("status", "attempts", "next_attempt_at", "completed_at"):
        assert after[column] == before[column], column
    assert after["resend_at"] is None
    assert recorded.message is not None
    assert recorded.message.after is not None
    assert recorded.message.after > timedelta(minutes=59)
    assert await attempts_written(database, delivery_id) == 2


async def test_a_resend_that_succeeds_closes_the_delivery(database: Database, user_id: UUID, url: str) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    await make(database, delivery_id, RETRY)

    await resend(database, delivery_id)
    recorded = await make(database, delivery_id, DELIVERED)

    after = await row(database, delivery_id)
    assert (recorded.status, recorded.message) == (DeliveryStatus.DELIVERED, None)
    assert (after["status"], after["next_attempt_at"], after["ring_at"], after["last_error"]) == (
        "delivered",
        None,
        None,
        None,
    )


@pytest.mark.parametrize("step", [DELIVERED, RETRY, GIVEN_UP])
async def test_a_delivered_one_stays_delivered_whatever_a_resend_comes_to(
    database: Database, user_id: UUID, url: str, step: NextStep
) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    await make(database, delivery_id, DELIVERED)
    before = await row(database, delivery_id)

    await resend(database, delivery_id)
    await make(database, delivery_id, step)

    after = await row(database, delivery_id)
    for column in ("status", "attempts", "completed_at", "last_error", "ring_at"):
        assert after[column] == before[column], column
    assert await attempts_written(database, delivery_id) == 2


async def test_a_failed_one_is_delivered_by_a_resend_and_stays_failed_without_success(
    database: Database, user_id: UUID, url: str
) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    await make(database, delivery_id, GIVEN_UP)

    await resend(database, delivery_id)
    assert (await make(database, delivery_id, RETRY)).status is DeliveryStatus.FAILED
    assert await claim(database, delivery_id) is None
    await resend(database, delivery_id)

    assert (await make(database, delivery_id, DELIVERED)).status is DeliveryStatus.DELIVERED


async def test_a_resend_that_our_side_prevented_is_made_later(database: Database, user_id: UUID, url: str) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    await make(database, delivery_id, GIVEN_UP)

    await resend(database, delivery_id)
    recorded = await make(database, delivery_id, LOCAL_FAILURE)

    assert recorded.message is not None
    assert isinstance(await claim(database, delivery_id), ClaimedDelivery)


async def test_a_resend_asked_for_while_one_is_under_way_is_made_after_it(
    database: Database, user_id: UUID, url: str
) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    scheduled = await claimed(database, delivery_id)
    await resend(database, delivery_id)
    assert await claim(database, delivery_id) is None

    recorded = await record(database, scheduled, DELIVERED)

    assert recorded is not None
    assert recorded.message is not None
    resent = await claimed(database, delivery_id)
    await resend(database, delivery_id)
    await record(database, resent, DELIVERED)
    assert isinstance(await claim(database, delivery_id), ClaimedDelivery)


async def test_the_sweep_enqueues_a_resend_whose_message_was_lost(database: Database, user_id: UUID, url: str) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    await make(database, delivery_id, DELIVERED)
    await resend(database, delivery_id)

    await update(database, delivery_id, "ring_at = now()")

    assert delivery_id in await sweep(database)


async def test_a_recovery_starts_what_has_failed_since_then_anew(database: Database, url: str) -> None:
    user_id, _key = await add_user(database)
    failed, earlier, delivered, scheduled = await schedule(database, user_id, *[url] * 4)
    (of_another,) = await schedule(database, (await add_user(database))[0], url)
    for delivery_id in (failed, earlier, of_another):
        await make(database, delivery_id, GIVEN_UP)
    await make(database, delivered, DELIVERED)
    await make(database, scheduled, RETRY)
    before = {each: await row(database, each) for each in (earlier, delivered, scheduled, of_another)}
    await update(database, earlier, "completed_at = completed_at - interval '1 day'")

    assert await recover(database, user_id) == 1
    assert await recover(database, user_id) == 0

    found = await row(database, failed)
    assert (found["status"], found["attempts"], found["completed_at"]) == ("scheduled", 0, None)
    for delivery_id, columns in before.items():
        assert (await row(database, delivery_id))["status"] == columns["status"]
    assert await attempts_written(database, failed) == 1
    assert (await claimed(database, failed)).number == 2


async def test_everybodys_failures_can_be_recovered_at_once(database: Database, user_id: UUID, url: str) -> None:
    mine, other = [(await schedule(database, owner, url))[0] for owner in (user_id, (await add_user(database))[0])]
    for delivery_id in (mine, other):
        await make(database, delivery_id, GIVEN_UP)

    assert await recover(database, None) >= 2

    assert (await row(database, mine))["status"] == (await row(database, other))["status"] == "scheduled"


async def test_the_database_refuses_a_resend_of_what_is_not_known_yet(database: Database, user_id: UUID) -> None:
    async with database.connection() as connection:
        assert await deliveries.resend(connection, uuid4()) is None
