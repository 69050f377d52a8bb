"""Deliveries of a deleted user: nothing more is sent, and no alert is sent."""

from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

import pytest

from service.actions import rescue
from service.database.cases import case_requests, processes
from service.database.connection import Database
from service.database.deliveries import deliveries, delivery_history
from service.database.users import deleted_users, users
from service.domain.process_number import ProcessNumber
from service.queue.task_queue import TaskQueue
from service.webhooks.outcome import OutcomeKind
from tests.support.database.users import delete
from tests.support.deliveries.alerts import Witness, look
from tests.support.deliveries.attempts import DELIVERED, RETRY, claimed, make, record
from tests.support.deliveries.deliveries import SilentQueue, add_user, attempt, row, schedule, task_context
from tests.support.servers.subscriber import Subscriber


async def find(database: Database, delivery_id: UUID) -> delivery_history.DeliveryRow | None:
    async with database.connection() as connection:
        return await delivery_history.find(connection, delivery_id, user_id=None)


async def test_what_is_scheduled_is_given_up_and_never_sent_again(database: Database, url: str) -> None:
    user_id, _key = await add_user(database)
    delivered_id, open_id = await schedule(database, user_id, url, url)
    await make(database, delivered_id, DELIVERED)
    async with database.connection() as connection:
        await deliveries.resend(connection, delivered_id)

    await delete(database, user_id)

    given_up, delivered = await find(database, open_id), await find(database, delivered_id)
    assert given_up is not None
    assert delivered is not None
    assert (given_up.status, given_up.last_error) == ("failed", "The user was deleted.")
    assert (delivered.status, delivered.resend_at, delivered.last_error) == ("delivered", None, None)
    async with database.connection() as connection:
        since = datetime.now(UTC) - timedelta(hours=1)
        assert await deliveries.recover(connection, since=since, user_id=user_id) == 0
    witness = Witness()
    await look(database, witness)
    assert str(open_id) not in str(witness.heard)


async def test_a_subscription_to_a_job_is_forgotten_and_the_job_goes_on_for_the_others(
    database: Database, number: str
) -> None:
    user_id, _key = await add_user(database)
    other_id, _other_key = await add_user(database)
    case = ProcessNumber.parse(number)
    async with database.transaction() as connection:
        for each in (user_id, other_id):
            wanted = case_requests.CaseRequest(case, each, "test", f"https://{each}.example.com/", force_refresh=False)
            job_id = (await case_requests.accept_unlisted(connection, wanted)).job_id
    assert job_id is not None

    await delete(database, user_id)

    async with database.transaction() as connection:
        await processes.lock(connection, case)
        settlement = await case_requests.end_job(connection, case, job_id, event_limit=10)
        left = await connection.fetch_all("SELECT id, user_id FROM deliveries WHERE job_id = :id", {"id": job_id})
    assert [each["user_id"] for each in left] == [other_id]
    assert settlement.deliveries == (left[0]["id"],)


async def test_an_attempt_under_way_changes_nothing_any_more(database: Database, url: str) -> None:
    user_id, _key = await add_user(database)
    (delivery_id,) = await schedule(database, user_id, url)
    under_way = await claimed(database, delivery_id)

    await delete(database, user_id)
    await record(database, under_way, RETRY)

    found = await row(database, delivery_id)
    assert (found["status"], found["lease_token"], found["attempts"]) == ("failed", None, 0)


async def test_what_was_asked_for_in_the_moment_of_the_deletion_ends_without_a_request(
    database: Database, subscriber: Subscriber
) -> None:
    user_id, _key = await add_user(database)
    await delete(database, user_id)
    path = f"/{uuid4()}"
    (delivery_id,) = await schedule(database, user_id, subscriber.url(path))

    await attempt(task_context(database), delivery_id)

    found = await row(database, delivery_id)
    assert (found["status"], found["last_error"], subscriber.received(path)) == ("failed", "The user was deleted.", [])
    async with database.connection() as connection:
        (made,) = (await delivery_history.attempts_of(connection, [delivery_id]))[delivery_id]
    assert made.outcome == OutcomeKind.USER_DELETED


async def test_another_user_with_the_same_url_is_still_called(database: Database, subscriber: Subscriber) -> None:
    user_id, _key = await add_user(database)
    other_id, _other_key = await add_user(database)
    url = subscriber.url(f"/{uuid4()}")
    (own,) = await schedule(database, user_id, url)
    (other,) = await schedule(database, other_id, url)

    await delete(database, user_id)
    for each in (own, other):
        await attempt(task_context(database), each)

    assert [(await row(database, each))["status"] for each in (own, other)] == ["failed", "delivered"]
    async with database.connection() as connection:
        assert len(await users.signing_secrets(connection, other_id)) == 1


async def test_many_deliveries_end_in_batches_that_go_on_after_a_crash(
    database: Database, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleted_users, "DELETION_BATCH", 3)
    monkeypatch.setattr(rescue, "ENDINGS", 1)
    user_id, _key = await add_user(database)
    path = f"/{uuid4()}"
    ids = await schedule(database, user_id, *[subscriber.url(path)] * 8)

    async def given_up() -> int:
        found = [each for each in [await row(database, each) for each in ids] if each["status"] == "failed"]
        # No alert is sent.
        assert all(each["alerted_at"] is not None for each in found)
        return len(found)

    async def crash() -> None:
        async with database.transaction() as connection:
            await deleted_users.go_on_ending(connection)
            raise KeyboardInterrupt

    await delete(database, user_id)
    assert await given_up() == 3
    # A delivery that no batch has reached yet is not sent either.
    await attempt(task_context(database), ids[-1])
    assert (subscriber.received(path), await given_up()) == ([], 4)

    with pytest.raises(KeyboardInterrupt):
        await crash()
    assert await given_up() == 4
    await rescue.sweep(database, cast(TaskQueue, SilentQueue()))
    assert await given_up() < len(ids)
    await rescue.sweep(database, cast(TaskQueue, SilentQueue()))

    assert await given_up() == len(ids)
    async with database.transaction() as connection:
        assert not await deleted_users.go_on_ending(connection)
