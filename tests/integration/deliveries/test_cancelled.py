"""Cancelled deliveries: no attempt follows, and only a request for it opens them again."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from service.actions.retention import remove_old_webhooks
from service.database.cases import case_requests, job_retries, processes
from service.database.connection import Database
from service.database.deliveries import cancelled_deliveries, delivery_attempts, repeated_deliveries
from service.database.deliveries.cancelled_deliveries import CancelFilter
from service.domain.deliveries import NextStep
from service.domain.errors import ErrorCode
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DeliveryStatus
from tests.support.deliveries.alerts import Witness, look
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
from tests.support.deliveries.deliveries import NUMBER, add_event, add_user, row, schedule, update

CLOSED = {"next_attempt_at": None, "resend_at": None, "ring_at": None, "lease_token": None}


async def cancel(database: Database, delivery_id: UUID) -> bool:
    async with database.transaction() as connection:
        return await cancelled_deliveries.cancel(connection, delivery_id)


async def closed(database: Database, delivery_id: UUID) -> str:
    """The status of a closed delivery."""
    found = await row(database, delivery_id)
    assert {name: found[name] for name in CLOSED} == CLOSED
    assert found["completed_at"] is not None
    return str(found["status"])


async def test_no_attempt_follows_and_nobody_is_alerted(database: Database, user_id: UUID, url: str) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    await make(database, delivery_id, RETRY)

    assert await cancel(database, delivery_id)

    assert await closed(database, delivery_id) == "cancelled"
    assert (await row(database, delivery_id))["last_error"] == "The host answered 500."
    assert await claim(database, delivery_id) is None
    assert delivery_id not in await sweep(database)
    assert await recover(database, user_id) == 0
    witness = Witness()
    await look(database, witness)
    assert str(delivery_id) not in str(witness.heard)
    assert not await cancel(database, delivery_id)


@pytest.mark.parametrize("step", [RETRY, GIVEN_UP, LOCAL_FAILURE])
async def test_an_attempt_under_way_is_written_down_and_no_other_one_follows(
    database: Database, user_id: UUID, url: str, step: NextStep
) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    under_way = await claimed(database, delivery_id)

    assert await cancel(database, delivery_id)
    recorded = await record(database, under_way, step)

    assert recorded is not None
    assert (recorded.status, recorded.message) == (DeliveryStatus.CANCELLED, None)
    assert await closed(database, delivery_id) == "cancelled"
    assert await attempts_written(database, delivery_id) == 1


async def test_an_attempt_under_way_that_succeeds_has_delivered_it(database: Database, user_id: UUID, url: str) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    under_way = await claimed(database, delivery_id)

    assert await cancel(database, delivery_id)
    await record(database, under_way, DELIVERED)

    assert await closed(database, delivery_id) == "delivered"


async def test_an_attempt_that_is_given_back_is_not_made_by_another_worker(
    database: Database, user_id: UUID, url: str
) -> None:
    given_back, left = await schedule(database, user_id, url, url)
    under_way = await claimed(database, given_back)
    await claimed(database, left)
    for each in (given_back, left):
        assert await cancel(database, each)

    async with database.connection() as connection:
        await delivery_attempts.release(connection, under_way)
    await update(database, left, "lease_expires_at = now() - interval '1 second'")

    assert await closed(database, given_back) == "cancelled"
    assert await claim(database, left) is None


async def test_a_resend_that_was_not_made_yet_is_taken_back(database: Database, user_id: UUID, url: str) -> None:
    delivered, failed = await schedule(database, user_id, url, url)
    await make(database, delivered, DELIVERED)
    await make(database, failed, GIVEN_UP)
    for each in (delivered, failed):
        assert not await cancel(database, each)
        await resend(database, each)

    assert [await cancel(database, each) for each in (delivered, failed)] == [True, True]

    assert [await closed(database, each) for each in (delivered, failed)] == ["delivered", "failed"]


async def test_a_cancelled_one_is_sent_when_a_person_asks_for_it(database: Database, user_id: UUID, url: str) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    await cancel(database, delivery_id)

    assert await resend(database, delivery_id) is not None
    await make(database, delivery_id, RETRY)
    assert await closed(database, delivery_id) == "cancelled"
    await resend(database, delivery_id)
    await make(database, delivery_id, DELIVERED)

    assert await closed(database, delivery_id) == "delivered"


async def test_the_same_request_later_starts_the_schedule_anew(database: Database, user_id: UUID, url: str) -> None:
    event_id = await add_event(database)
    (delivery_id,) = await schedule(database, user_id, url, event_id=event_id)
    await make(database, delivery_id, RETRY)
    await cancel(database, delivery_id)

    async with database.transaction() as connection:
        message = await repeated_deliveries.schedule(connection, NUMBER, event_id=event_id, user_id=user_id, url=url)

    assert message is not None
    assert (await make(database, delivery_id, RETRY)).status is DeliveryStatus.SCHEDULED


async def requested(database: Database, case: ProcessNumber, user_id: UUID, url: str) -> tuple[UUID, UUID]:
    """An active job, and the delivery that waits for it."""
    async with database.transaction() as connection:
        wanted = case_requests.CaseRequest(case, user_id, "test", url, force_refresh=False)
        job_id = (await case_requests.accept_unlisted(connection, wanted)).job_id
        delivery_id = await connection.fetch_val(
            "SELECT id FROM deliveries WHERE job_id = :job_id AND user_id = :user_id AND url = :url",
            {"job_id": job_id, "user_id": user_id, "url": url},
        )
    assert job_id is not None
    return job_id, delivery_id


async def end(database: Database, case: ProcessNumber, job_id: UUID) -> tuple[UUID, ...]:
    """Let the job fail, and return the due deliveries."""
    async with database.transaction() as connection:
        await processes.lock(connection, case)
        error = ErrorCode.PROCESS_NOT_FOUND
        return (await case_requests.end_job(connection, case, job_id, error=error, event_limit=10)).deliveries


async def test_one_that_waits_for_its_job_is_not_told_of_the_end_and_can_be_sent_after_it(
    database: Database, user_id: UUID, url: str, number: str
) -> None:
    case = ProcessNumber.parse(number)
    job_id, cancelled = await requested(database, case, user_id, url)
    _same_job, other = await requested(database, case, user_id, f"{url}&other")

    assert await cancel(database, cancelled)
    assert await closed(database, cancelled) == "cancelled"
    assert await resend(database, cancelled) is None
    assert await end(database, case, job_id) == (other,)

    assert await closed(database, cancelled) == "cancelled"
    await make(database, other, DELIVERED)
    await resend(database, cancelled)
    await make(database, cancelled, DELIVERED)


async def test_asking_for_the_case_again_while_its_job_goes_on_subscribes_again(
    database: Database, user_id: UUID, url: str, number: str
) -> None:
    case = ProcessNumber.parse(number)
    job_id, delivery_id = await requested(database, case, user_id, url)
    await cancel(database, delivery_id)

    _same_job, other = await requested(database, case, user_id, f"{url}&other")

    assert await requested(database, case, user_id, url) == (job_id, delivery_id)

    # It is the newest again, so that a client that lists from its last request on finds it.
    assert (await row(database, delivery_id))["created_at"] > (await row(database, other))["created_at"]
    assert set(await end(database, case, job_id)) == {delivery_id, other}


async def test_a_retry_of_the_job_leaves_out_what_was_cancelled(
    database: Database, user_id: UUID, url: str, number: str
) -> None:
    case = ProcessNumber.parse(number)
    job_id, cancelled = await requested(database, case, user_id, url)
    _same_job, _other = await requested(database, case, user_id, f"{url}&other")
    await cancel(database, cancelled)
    await end(database, case, job_id)

    async with database.transaction() as connection:
        again = await job_retries.retry(connection, job_id, request_id="test", event_limit=10)
        rows = await connection.fetch_all("SELECT url FROM deliveries WHERE job_id = :id", {"id": again.job_id})

    assert [each["url"] for each in rows] == [f"{url}&other"]


async def cancel_many(database: Database, wanted: CancelFilter) -> int:
    async with database.transaction() as connection:
        return await cancelled_deliveries.cancel_many(connection, wanted)


@pytest.mark.parametrize("by", ["user_id", "url", "host"])
async def test_everything_open_of_a_user_or_a_receiver_is_cancelled_in_batches(
    database: Database, url: str, number: str, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelled_deliveries, "CANCELLED_AT_ONCE", 2)
    user_id, _key = await add_user(database)
    _job, waiting = await requested(database, ProcessNumber.parse(number), user_id, url)
    resent, delivered, scheduled = await schedule(database, user_id, url, url, url)
    for each in (resent, delivered):
        await make(database, each, DELIVERED)
    await resend(database, resent)
    (other,) = await schedule(database, (await add_user(database))[0], f"https://{uuid4()}.example.com/")
    host = (await row(database, scheduled))["host"]
    wanted = CancelFilter(**{by: {"user_id": user_id, "url": url, "host": host}[by]})

    assert [await cancel_many(database, wanted) for _ in range(3)] == [2, 1, 0]

    assert [await closed(database, each) for each in (waiting, scheduled, resent, delivered)] == [
        "cancelled",
        "cancelled",
        "delivered",
        "delivered",
    ]
    assert (await row(database, other))["status"] == "scheduled"


async def test_a_cancelled_one_is_kept_as_long_as_the_others(database: Database, user_id: UUID, url: str) -> None:
    old, new = await schedule(database, user_id, url, url)
    for each in (old, new):
        await cancel(database, each)
    await update(database, old, "completed_at = now() - interval '91 days'")

    await remove_old_webhooks(database, older_than=timedelta(days=90))

    async with database.connection() as connection:
        query = "SELECT id FROM deliveries WHERE user_id = :id"
        assert [each["id"] for each in await connection.fetch_all(query, {"id": user_id})] == [new]
