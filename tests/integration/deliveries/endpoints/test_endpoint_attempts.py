"""Attempts of deliveries to endpoints: who signs, which URL is called, and what an endpoint that is gone does."""

from datetime import timedelta
from typing import cast
from uuid import UUID

import pytest
from aiohttp import web

from service.database.connection import Database
from service.database.deliveries import endpoint_list, endpoint_secrets, endpoints
from service.database.deliveries.endpoint_list import Changes
from service.domain.deliveries import DeliveryMessage
from service.webhooks.signature import new_secret, verify
from tests.integration.deliveries.conftest import Start
from tests.support.deliveries.attempts import claimed, recover
from tests.support.deliveries.deliveries import (
    NUMBER,
    SilentQueue,
    add_event,
    add_user,
    attempt,
    make_due,
    row,
    schedule,
    task_context,
    update,
)
from tests.support.deliveries.endpoints import add_endpoint, deliveries_of


class Receiver:
    """A receiver that keeps what came."""

    def __init__(self) -> None:
        self.status = 204
        self.requests: list[tuple[bytes, dict[str, str]]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((await request.read(), dict(request.headers)))
        return web.Response(status=self.status)

    def signed_by(self, *secrets: str) -> list[bool]:
        """Whether each secret has signed the last request."""
        body, headers = self.requests[-1]
        return [verify(body, headers, [secret]) for secret in secrets]


@pytest.fixture
def received() -> Receiver:
    return Receiver()


async def tell(database: Database, user_id: UUID, event_id: UUID | None = None) -> list[UUID]:
    """Schedule an event for the endpoints of a user."""
    event = event_id or await add_event(database)
    async with database.transaction() as connection:
        return list(await endpoints.schedule_for_endpoints(connection, NUMBER, event_id=event, user_ids=[user_id]))


async def change(database: Database, endpoint_id: UUID, wanted: Changes) -> None:
    async with database.connection() as connection:
        assert await endpoint_list.change(connection, endpoint_id, wanted, user_id=None) is not None


async def test_its_own_secret_signs(database: Database, receiver: Start, received: Receiver) -> None:
    secret, of_user = new_secret(), new_secret()
    user_id, _key = await add_user(database, secret=of_user)
    await add_endpoint(database, user_id, await receiver(received.answer), secret=secret)
    (delivery_id,) = await tell(database, user_id)

    await attempt(task_context(database), delivery_id)

    assert received.signed_by(secret, of_user) == [True, False]


async def test_both_secrets_sign_what_a_request_asked_for_too(
    database: Database, receiver: Start, received: Receiver
) -> None:
    secret, of_user = new_secret(), new_secret()
    user_id, _key = await add_user(database, secret=of_user)
    url = await receiver(received.answer)
    await add_endpoint(database, user_id, url, secret=secret)
    event_id = await add_event(database)
    (delivery_id,) = await schedule(database, user_id, url, event_id=event_id)

    assert await tell(database, user_id, event_id) == []

    await attempt(task_context(database), delivery_id)
    assert received.signed_by(secret, of_user) == [True, True]
    assert len(received.requests) == 1


async def test_the_old_secret_signs_too_during_a_rotation(
    database: Database, user_id: UUID, receiver: Start, received: Receiver
) -> None:
    old, new = new_secret(), new_secret()
    endpoint_id = await add_endpoint(database, user_id, await receiver(received.answer), secret=old)
    (delivery_id,) = await tell(database, user_id)
    async with database.transaction() as connection:
        await endpoint_secrets.rotate(connection, endpoint_id, new, user_id=user_id, grace=timedelta(hours=1))

    await attempt(task_context(database), delivery_id)

    assert received.signed_by(new, old) == [True, True]


async def test_a_delivery_follows_its_endpoint_to_another_url(
    database: Database, user_id: UUID, receiver: Start, received: Receiver
) -> None:
    before = Receiver()
    endpoint_id = await add_endpoint(database, user_id, await receiver(before.answer))
    (delivery_id,) = await tell(database, user_id)
    url = await receiver(received.answer)
    await change(database, endpoint_id, Changes(url=url))
    context = task_context(database)

    await attempt(context, delivery_id)

    assert cast(SilentQueue, context.queue).enqueued == [DeliveryMessage(delivery_id, enqueue_count=1)]
    await attempt(context, delivery_id)
    found = await row(database, delivery_id)
    assert (found["status"], found["url"], found["attempts"]) == ("delivered", url, 1)
    assert (len(before.requests), len(received.requests)) == (0, 1)


async def test_a_delivery_does_not_follow_to_a_url_that_was_told(
    database: Database, user_id: UUID, receiver: Start, received: Receiver
) -> None:
    url = await receiver(received.answer)
    endpoint_id = await add_endpoint(database, user_id, await receiver(Receiver().answer))
    event_id = await add_event(database)
    (asked,) = await schedule(database, user_id, url, event_id=event_id)
    (own,) = await tell(database, user_id, event_id)
    await change(database, endpoint_id, Changes(url=url))

    for each in (asked, own, own):
        await attempt(task_context(database), each)

    found = await row(database, own)
    assert (found["status"], found["lease_token"]) == ("cancelled", None)
    assert found["last_error"] == endpoints.TOLD_BESIDE
    assert len(received.requests) == 1


async def test_a_cancelled_delivery_that_moves_stays_cancelled(database: Database, user_id: UUID, url: str) -> None:
    await add_endpoint(database, user_id, url)
    (delivery_id,) = await tell(database, user_id)
    delivery = await claimed(database, delivery_id)
    await update(
        database, delivery_id, "status = 'cancelled', next_attempt_at = NULL, ring_at = NULL, completed_at = now()"
    )

    async with database.connection() as connection:
        assert await endpoints.follow(connection, delivery, "https://new.example/") is None

    found = await row(database, delivery_id)
    assert (found["status"], found["ring_at"], found["lease_token"]) == ("cancelled", None, None)


async def test_a_delivery_to_an_endpoint_that_is_off_can_be_recovered(
    database: Database, user_id: UUID, receiver: Start, received: Receiver
) -> None:
    endpoint_id = await add_endpoint(database, user_id, await receiver(received.answer))
    (delivery_id,) = await tell(database, user_id)
    await change(database, endpoint_id, Changes(is_enabled=False))

    await attempt(task_context(database), delivery_id)

    found = await row(database, delivery_id)
    assert (found["status"], found["last_error"]) == ("failed", "The endpoint is switched off.")
    assert found["alerted_at"] is not None  # no operator is told
    assert received.requests == []
    assert await recover(database, user_id) == 0

    await change(database, endpoint_id, Changes(is_enabled=True))

    assert await recover(database, user_id) == 1
    await attempt(task_context(database), delivery_id)
    assert (await row(database, delivery_id))["status"] == "delivered"


async def test_an_endpoint_that_is_on_again_in_time_loses_nothing(
    database: Database, user_id: UUID, receiver: Start, received: Receiver
) -> None:
    endpoint_id = await add_endpoint(database, user_id, await receiver(received.answer))
    received.status = 500
    (delivery_id,) = await tell(database, user_id)
    await attempt(task_context(database, delays=[3600, 3600]), delivery_id)
    await change(database, endpoint_id, Changes(is_enabled=False))
    await change(database, endpoint_id, Changes(is_enabled=True))
    received.status = 204
    await make_due(database, delivery_id)

    await attempt(task_context(database), delivery_id)

    assert (await row(database, delivery_id))["status"] == "delivered"


@pytest.mark.parametrize("is_beside", [False, True])
async def test_a_deleted_endpoint_ends_only_what_nothing_else_asked_for(
    database: Database, user_id: UUID, receiver: Start, received: Receiver, is_beside: bool
) -> None:
    url, event_id = await receiver(received.answer), await add_event(database)
    endpoint_id = await add_endpoint(database, user_id, url)
    if is_beside:
        await schedule(database, user_id, url, event_id=event_id)
    await tell(database, user_id, event_id)
    async with database.connection() as connection:
        assert await endpoint_list.delete(connection, endpoint_id, user_id=user_id)
    (delivery,) = await deliveries_of(database, endpoint_id)

    await attempt(task_context(database), delivery["id"])

    found = await row(database, delivery["id"])
    assert found["status"] == ("delivered" if is_beside else "cancelled")
    assert len(received.requests) == is_beside
