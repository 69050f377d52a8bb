"""An endpoint that fails for days is switched off, once, and operators are told once. Time is moved in the database."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
import structlog

from service.database.connection import Database
from service.database.deliveries import endpoint_list, endpoints
from service.database.deliveries.endpoint_health import LEAST_FAILURES
from service.database.deliveries.endpoint_list import Changes
from service.database.jobs.job_alerts import Topic
from service.database.users import users
from service.domain.deliveries import NextStep
from tests.integration.deliveries.conftest import Start
from tests.integration.deliveries.endpoints.test_endpoint_attempts import Receiver
from tests.support.database.case_steps import CaseSteps
from tests.support.database.locks import holding, until_somebody_waits
from tests.support.deliveries.alerts import Witness, look
from tests.support.deliveries.attempts import DELIVERED, GIVEN_UP, LOCAL_FAILURE, claimed, record, recover
from tests.support.deliveries.deliveries import NUMBER, add_event, attempt, row, task_context
from tests.support.deliveries.endpoints import add_endpoint, age_endpoint, deliveries_of, endpoint_row

WORKS = msgspec.structs.replace(DELIVERED, receiver_failed=False)
#: A slot at the host stays free for as many attempts as a test makes.
LAST = msgspec.structs.replace(GIVEN_UP, receiver_failed=True, host_reachable=None)
DAY = timedelta(days=1)


class Endpoint:
    """An endpoint and its attempts."""

    def __init__(self, database: Database, user_id: UUID, endpoint_id: UUID) -> None:
        self.database, self.user_id, self.id = database, user_id, endpoint_id

    async def due(self) -> UUID:
        """Make a delivery due."""
        event_id = await add_event(self.database)
        async with self.database.transaction() as connection:
            (delivery_id,) = await endpoints.schedule_for_endpoints(
                connection, NUMBER, event_id=event_id, user_ids=[self.user_id]
            )
        return delivery_id

    async def make(self, step: NextStep, times: int = 1) -> bool:
        """Make attempts with this result. Whether one of them switched the endpoint off."""
        switched_off = []
        for _ in range(times):
            delivery_id = await self.due()
            recorded = await record(self.database, await claimed(self.database, delivery_id), step)
            assert recorded is not None
            switched_off.append(recorded.switched_off)
        return any(switched_off)

    async def wait(self, by: timedelta) -> None:
        """Let time pass."""
        await age_endpoint(self.database, self.id, by)

    async def row(self) -> dict[str, Any]:
        found = await endpoint_row(self.database, self.id)
        assert found is not None
        return found

    async def change(self, **wanted: Any) -> None:
        async with self.database.connection() as connection:
            await endpoint_list.change(connection, self.id, Changes(**wanted), user_id=None)


@pytest.fixture
async def endpoint(database: Database, user_id: UUID, url: str) -> Endpoint:
    return Endpoint(database, user_id, await add_endpoint(database, user_id, url))


async def fail_for_days(endpoint: Endpoint, days: int = 5) -> None:
    """Fail each day, so that the next failure is the last one that is allowed after five days."""
    for _ in range(days):
        await endpoint.make(LAST)
        await endpoint.wait(DAY)


async def test_five_days_of_failures_switch_it_off(endpoint: Endpoint) -> None:
    await fail_for_days(endpoint)
    assert (await endpoint.row())["disabled_reason"] is None

    assert await endpoint.make(LAST)

    found = await endpoint.row()
    assert (found["disabled_reason"], found["last_error"]) == ("failing", "The host answered 500.")
    assert None not in (found["disabled_at"], found["given_up_at"])


async def test_less_than_five_days_do_not(endpoint: Endpoint) -> None:
    await fail_for_days(endpoint)
    await endpoint.wait(-timedelta(minutes=5))

    assert not await endpoint.make(LAST)


async def test_a_success_in_between_begins_anew(endpoint: Endpoint) -> None:
    await fail_for_days(endpoint)
    await endpoint.make(WORKS)
    assert (await endpoint.row())["failures"] == 0
    await fail_for_days(endpoint, days=4)

    assert not await endpoint.make(LAST)


async def test_a_few_failures_far_apart_do_not(endpoint: Endpoint) -> None:
    for _ in range(LEAST_FAILURES * 3):
        await endpoint.make(LAST)
        await endpoint.wait(7 * DAY)

    assert not await endpoint.make(LAST)


async def test_an_outage_of_last_week_and_a_bad_minute_of_today_do_not(endpoint: Endpoint) -> None:
    await endpoint.make(LAST, times=10)
    await endpoint.wait(7 * DAY)

    assert not await endpoint.make(LAST, times=3)

    await endpoint.wait(DAY / 2)
    assert await endpoint.make(LAST)


async def test_few_failures_do_not_whatever_their_time(endpoint: Endpoint) -> None:
    await endpoint.make(LAST)
    await endpoint.wait(1.9 * DAY)
    await endpoint.make(LAST)
    await endpoint.wait(1.9 * DAY)
    await endpoint.make(LAST)
    await endpoint.wait(1.9 * DAY)

    assert not await endpoint.make(LAST)
    assert await endpoint.make(LAST)


async def test_faults_of_this_service_do_not_count(endpoint: Endpoint) -> None:
    await endpoint.make(LOCAL_FAILURE, times=3)

    assert (await endpoint.row())["failures"] == 0


async def test_workers_that_see_it_at_once_switch_it_off_once(endpoint: Endpoint, database: Database) -> None:
    await fail_for_days(endpoint)
    claims = [await claimed(database, await endpoint.due()) for _ in range(4)]

    recorded = await asyncio.gather(*(record(database, each, LAST) for each in claims))

    assert sorted(each.switched_off for each in recorded if each is not None) == [False, False, False, True]


async def test_one_that_was_switched_on_meanwhile_stays_on(endpoint: Endpoint, database: Database) -> None:
    await fail_for_days(endpoint)
    late = await claimed(database, await endpoint.due())
    assert await endpoint.make(LAST)
    await endpoint.change(is_enabled=True)

    recorded = await record(database, late, LAST)

    assert recorded is not None
    assert not recorded.switched_off
    found = await endpoint.row()
    assert (found["disabled_reason"], found["failures"]) == (None, 1)


async def test_an_attempt_at_its_old_url_says_nothing(endpoint: Endpoint, database: Database) -> None:
    late = await claimed(database, await endpoint.due())
    await endpoint.change(url="https://new.example/hook")

    await record(database, late, LAST)

    assert (await endpoint.row())["failures"] == 0


async def test_switched_off_by_hand_it_keeps_its_reason_and_alerts_nobody(
    endpoint: Endpoint, database: Database
) -> None:
    await endpoint.change(is_enabled=False)
    await endpoint.change(is_enabled=False, description="x")

    found = await endpoint.row()
    assert (found["disabled_reason"], found["given_up_at"]) == ("requested", None)


async def test_operators_are_told_once_even_if_it_is_switched_on_at_once(
    endpoint: Endpoint, database: Database
) -> None:
    witness = Witness()
    while await look(database, witness, Topic.ENDPOINTS):
        pass
    await fail_for_days(endpoint)
    await endpoint.make(LAST)
    await endpoint.change(is_enabled=True)

    (message,) = await look(database, witness, Topic.ENDPOINTS, workers=4)

    assert str(endpoint.id) in message
    assert "hidden" not in message
    assert await look(database, witness, Topic.ENDPOINTS, workers=4) == []


async def test_the_task_counts_and_logs_it_and_recover_sends_what_failed(
    database: Database, user_id: UUID, receiver: Start
) -> None:
    received = Receiver()
    received.status = 500
    endpoint = Endpoint(database, user_id, await add_endpoint(database, user_id, await receiver(received.answer)))
    await fail_for_days(endpoint)
    delivery_id, context = await endpoint.due(), task_context(database, delays=())

    with structlog.testing.capture_logs() as logs:
        await attempt(context, delivery_id)

    (said,) = [each for each in logs if each["event"] == "endpoint_switched_off"]
    assert said["endpoint_id"] == str(endpoint.id)
    assert context.metrics.registry.get_sample_value("autos_endpoints_switched_off_total") == 1
    assert (await row(database, delivery_id))["status"] == "failed"

    await endpoint.change(is_enabled=True)
    received.status = 204
    assert await recover(database, user_id) == 6
    for each in await deliveries_of(database, endpoint.id):
        await attempt(context, each["id"])

    assert {each["status"] for each in await deliveries_of(database, endpoint.id)} == {"delivered"}


async def test_whoever_waits_for_a_delivery_holds_no_endpoint(endpoint: Endpoint, database: Database) -> None:
    """Deliveries are locked before endpoints, also for a deleted user: so two workers never wait for each other."""
    delivery_id = await endpoint.due()
    steps = CaseSteps(database, NUMBER, endpoint.user_id)
    lock = "SELECT 1 FROM deliveries WHERE id = :id FOR UPDATE"

    async with holding(steps, lambda connection: connection.fetch_one(lock, {"id": delivery_id})):
        deleting = asyncio.create_task(steps.run(lambda connection: users.delete(connection, endpoint.user_id)))
        await until_somebody_waits(steps)
        free = await steps.fetch(
            "SELECT 1 FROM webhook_endpoints WHERE id = :id AND :number <> '' FOR UPDATE SKIP LOCKED", id=endpoint.id
        )

    assert len(free) == 1
    assert await deleting
    assert await endpoint_row(database, endpoint.id) is None
