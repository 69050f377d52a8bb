"""Every target of the alerts gets every failure at least once, and normally exactly once."""

import asyncio
from uuid import UUID

import pytest
import structlog

from service.database.connection import Database
from service.database.deliveries import delivery_attempts
from service.database.jobs import job_alerts
from service.database.jobs.job_alerts import Topic
from tests.support.deliveries.alerts import Witness, look
from tests.support.deliveries.attempts import GIVEN_UP, claimed, failed_attempt, make, record
from tests.support.deliveries.deliveries import schedule, update
from worker.loops.alerts import ALERT_LEASE, MAX_AGE


@pytest.fixture
async def witness(database: Database) -> Witness:
    """A target that already got the failures of other tests."""
    made = Witness()
    while await look(database, made):
        pass
    return made


async def fail(database: Database, user_id: UUID, *urls: str) -> list[UUID]:
    """Add failed deliveries."""
    ids = await schedule(database, user_id, *urls)
    for delivery_id in ids:
        await make(database, delivery_id, GIVEN_UP)
    return ids


async def test_a_failure_is_told_once_by_many_workers_and_without_secrets(
    database: Database, user_id: UUID, url: str, witness: Witness
) -> None:
    (failed,) = await fail(database, user_id, url)

    (message,) = await look(database, witness, workers=5)

    assert str(failed) in message
    assert "hidden" not in message
    assert await look(database, witness, workers=5) == []


@pytest.mark.parametrize("fault", ["refuses", "raises"])
async def test_a_target_that_is_away_misses_nothing_and_holds_no_other_up(
    database: Database, user_id: UUID, url: str, witness: Witness, fault: str
) -> None:
    other = Witness()
    other.key = witness.key + " other"
    while await look(database, other):
        pass
    setattr(witness, fault, True)
    first = await fail(database, user_id, url)
    assert await look(database, witness) == []
    assert str(first[0]) in str(await look(database, other))
    second = await fail(database, user_id, url)
    assert await look(database, witness) == []

    setattr(witness, fault, False)

    (message,) = await look(database, witness)
    assert all(str(each) in message for each in first + second)
    assert str(first[0]) not in str(await look(database, other))


async def test_what_a_worker_took_and_never_told_is_told_by_another(
    database: Database, user_id: UUID, url: str, witness: Witness
) -> None:
    (failed,) = await fail(database, user_id, url)
    async with database.transaction() as connection:
        assert await job_alerts.take(connection, witness.key, Topic.DELIVERIES, within=MAX_AGE, term=ALERT_LEASE)
    assert await look(database, witness) == []

    async with database.connection() as connection:
        await connection.execute("UPDATE alert_targets SET free_at = now() WHERE target = :key", {"key": witness.key})

    assert str(failed) in str(await look(database, witness))


async def test_a_failure_that_is_committed_after_a_later_one_is_told_too(
    database: Database, user_id: UUID, url: str, witness: Witness
) -> None:
    first, second = await schedule(database, user_id, url, url.replace("host", "other"))
    early, late = await claimed(database, first), await claimed(database, second)
    async with database.transaction() as connection:
        await delivery_attempts.record(connection, early, failed_attempt(), GIVEN_UP)
        await asyncio.create_task(record(database, late, GIVEN_UP))
        heard = await asyncio.create_task(look(database, witness))

    heard += await look(database, witness)

    assert all(str(each) in str(heard) for each in (first, second))


async def test_thousands_of_failures_are_told_in_messages_of_a_bounded_number(
    database: Database, user_id: UUID, url: str, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_alerts, "ALERT_BATCH", 2)
    ids = await fail(database, user_id, *[url] * 5)

    messages = [each for _ in range(3) for each in await look(database, witness)]

    assert [title for title, _body in witness.heard[-3:]] == [
        f"Autos: {count} have failed for good" for count in ("2 webhook deliveries", "2 webhook deliveries")
    ] + ["Autos: 1 webhook delivery has failed for good"]
    assert all(str(each) in str(messages) for each in ids)


async def test_what_is_too_old_to_be_told_is_logged(
    database: Database, user_id: UUID, url: str, witness: Witness
) -> None:
    await fail(database, user_id, url)
    await look(database, witness)
    async with database.connection() as connection:
        statement = "UPDATE alert_targets SET told_at = now() - interval '2 days' WHERE target = :key"
        await connection.execute(statement, {"key": witness.key})
        await connection.execute("UPDATE deliveries SET alerted_at = now() WHERE status = 'failed'")
    old, new = await fail(database, user_id, url, url)
    await update(database, old, "completed_at = now() - interval '25 hours'")

    with structlog.testing.capture_logs() as logs:
        (message,) = await look(database, witness)

    assert str(new) in message
    assert str(old) not in message
    assert [each["failures"] for each in logs if each["event"] == "alerts_expired"] == [1]


async def test_a_target_that_was_added_later_is_told_of_what_failed_lately(
    database: Database, user_id: UUID, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_alerts, "ALERT_BATCH", 10)
    (failed,) = await fail(database, user_id, url)
    added = Witness()

    messages: list[str] = []
    while heard := await look(database, added):
        messages += heard

    assert str(failed) in messages[-1]
