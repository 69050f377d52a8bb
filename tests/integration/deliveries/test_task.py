"""The task that makes one attempt, against a real PostgreSQL and receivers on real sockets."""

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import structlog
from aiohttp import web

from service.database.connection import Database
from service.database.deliveries import delivery_attempts, delivery_history
from service.database.deliveries.delivery_history import AttemptRow
from service.database.users import users
from service.domain.deliveries import ClaimedDelivery, DeliveryMessage
from service.local.stack import Stack
from service.webhooks.addresses.resolver import LookupFailed
from service.webhooks.outcome import OutcomeKind
from service.webhooks.signature import new_secret, verify
from tests.integration.deliveries.conftest import Start
from tests.support.deliveries.deliveries import (
    SilentQueue,
    add_event,
    add_user,
    attempt,
    event_document,
    make_due,
    name_of,
    open_pool,
    row,
    schedule,
    task_context,
    update,
)
from tests.support.servers.subscriber import Subscriber
from tests.support.servers.tcp_proxy import running_tcp_proxy
from worker.context import Context
from worker.tasks.deliver_webhook import _post


async def last_attempt(database: Database, delivery_id: UUID) -> AttemptRow:
    async with database.connection() as connection:
        return (await delivery_history.attempts_of(connection, [delivery_id]))[delivery_id][-1]


async def test_no_connection_is_held_while_the_subscriber_thinks(
    database: Database, user_id: UUID, receiver: Start
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def think(_request: web.Request) -> web.Response:
        asked.set()
        await answer.wait()
        return web.Response(status=204)

    (delivery_id,) = await schedule(database, user_id, await receiver(think))
    attempting = asyncio.create_task(attempt(task_context(database), delivery_id))
    await asked.wait()

    pool = database._backend._pool  # noqa: SLF001  (databases has no public way)
    assert pool.get_size() == pool.get_idle_size()

    answer.set()
    await attempting
    assert (await row(database, delivery_id))["status"] == "delivered"


async def test_the_answer_is_kept_as_one_clean_line_of_at_most_1_kib(
    database: Database, user_id: UUID, receiver: Start
) -> None:
    async def shout(_request: web.Request) -> web.Response:
        return web.Response(status=500, body="é\x1b[31m\r\nline\x00 ".encode() + b"x" * 100_000)

    (delivery_id,) = await schedule(database, user_id, await receiver(shout))

    await attempt(task_context(database), delivery_id)

    kept = await last_attempt(database, delivery_id)
    assert kept.answer is not None
    assert len(kept.answer.encode()) <= 1024
    assert kept.answer.startswith("é[31m  line xxx")
    assert (kept.status_code, kept.error) == (500, "The host answered 500.")


async def test_a_redirect_is_a_failure_that_names_where_it_points(
    database: Database, user_id: UUID, receiver: Start
) -> None:
    followed: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        followed.append(request.path)
        return web.Response(status=308, headers={"Location": "https://elsewhere.example.com/path?token=hidden"})

    (delivery_id,) = await schedule(database, user_id, await receiver(redirect))

    await attempt(task_context(database), delivery_id)

    error = (await last_attempt(database, delivery_id)).error or ""
    assert "elsewhere.example.com" in error
    assert "hidden" not in error
    assert followed == ["/hook"]
    assert (await row(database, delivery_id))["status"] == "scheduled"


async def test_the_pause_that_the_subscriber_asks_for_is_in_the_schedule(
    database: Database, user_id: UUID, receiver: Start
) -> None:
    async def slow_down(_request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "1000"})

    (delivery_id,) = await schedule(database, user_id, await receiver(slow_down))
    before = datetime.now(UTC)

    await attempt(task_context(database), delivery_id)

    next_attempt_at = (await row(database, delivery_id))["next_attempt_at"]
    assert next_attempt_at > before + timedelta(seconds=995)


class NoDns:
    """A machine without a DNS server."""

    async def addresses(self, _host: str) -> Sequence[str]:
        raise LookupFailed("no server")

    async def is_working(self) -> bool:
        return False


async def test_a_machine_without_dns_uses_up_no_attempt_until_days_have_passed(
    database: Database, user_id: UUID, url: str
) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    context = task_context(database, resolver=NoDns(), delays=(5,))

    for _ in range(4):
        await attempt(context, delivery_id)
        await make_due(database, delivery_id)
    assert ((await row(database, delivery_id))["attempts"], (await last_attempt(database, delivery_id)).number) == (
        0,
        4,
    )
    assert (await last_attempt(database, delivery_id)).outcome == OutcomeKind.RESOLVER_UNAVAILABLE

    await update(database, delivery_id, "own_fault_since = now() - interval '3 days'")
    for _ in range(2):
        await attempt(context, delivery_id)
        await update(database, delivery_id, "next_attempt_at = next_attempt_at - interval '1 day'")
    assert (await row(database, delivery_id))["status"] == "failed"


async def test_a_webhook_that_cannot_be_made_is_recorded_and_made_later(
    database: Database, user_id: UUID, subscriber: Subscriber
) -> None:
    path = f"/{uuid4()}"
    event_id = await add_event(database, event_document("a/key"))
    (delivery_id,) = await schedule(database, user_id, subscriber.url(path), event_id=event_id)

    await attempt(task_context(database, store=None), delivery_id)

    assert subscriber.received(path) == []
    assert (await last_attempt(database, delivery_id)).outcome == OutcomeKind.NOT_MADE
    assert ((await row(database, delivery_id))["status"], (await row(database, delivery_id))["attempts"]) == (
        "scheduled",
        0,
    )


async def test_a_rotated_secret_signs_the_attempts_after_it_together_with_the_old_one(
    database: Database, subscriber: Subscriber
) -> None:
    path = f"/{uuid4()}"
    user_id, _key = await add_user(database)
    (delivery_id,) = await schedule(database, user_id, subscriber.url(path))
    async with database.transaction() as connection:
        (old,) = await users.signing_secrets(connection, user_id)
        new = new_secret()
        await users.rotate_secret(connection, user_id, new, grace=timedelta(hours=1))

    await attempt(task_context(database), delivery_id)

    (received,) = subscriber.received(path)
    for secret in (old, new):
        assert verify(received.body, received.headers, [secret])
    assert not verify(received.body, received.headers, [new_secret()])


async def test_a_worker_that_ends_gives_its_attempt_back(database: Database, user_id: UUID, receiver: Start) -> None:
    asked = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    (delivery_id,) = await schedule(database, user_id, await receiver(hang))
    context = task_context(database)
    attempting = asyncio.create_task(attempt(context, delivery_id))
    await asked.wait()
    attempting.cancel()
    await asyncio.wait([attempting])
    async with asyncio.timeout(60):
        while (await row(database, delivery_id))["lease_token"] is not None:  # noqa: ASYNC110  (in the database)
            await asyncio.sleep(0.01)

    assert (await row(database, delivery_id))["attempts"] == 0


async def test_an_attempt_is_written_when_the_database_is_back(
    stack: Stack, database: Database, user_id: UUID, receiver: Start
) -> None:
    calls: list[str] = []
    name = await name_of(database)
    async with running_tcp_proxy(stack.endpoints.database_url) as (wire, url):

        async def cut_off(request: web.Request) -> web.Response:
            calls.append(request.headers["webhook-id"])
            wire.take_away()
            return web.Response(status=204)

        (delivery_id,) = await schedule(database, user_id, await receiver(cut_off))
        with structlog.testing.capture_logs() as logs:
            async with open_pool(f"{url.rpartition('/')[0]}/{name}") as pool, asyncio.timeout(60):
                attempting = asyncio.create_task(attempt(task_context(pool), delivery_id))
                await until_said(logs, "attempt_not_recorded")
                wire.bring_back()
                await attempting

    found = await row(database, delivery_id)
    assert (found["status"], found["attempts"], len(calls)) == ("delivered", 1, 1)


async def test_a_database_that_is_away_before_the_attempt_is_no_unknown_error(
    stack: Stack, database: Database, user_id: UUID, subscriber: Subscriber
) -> None:
    path, name = f"/{uuid4()}", await name_of(database)
    (delivery_id,) = await schedule(database, user_id, subscriber.url(path))
    async with database.transaction() as connection:
        claimed = await delivery_attempts.claim(connection, delivery_id, term=timedelta(minutes=1), may_probe=True)
    assert isinstance(claimed, ClaimedDelivery)
    async with (
        running_tcp_proxy(stack.endpoints.database_url) as (wire, url),
        open_pool(f"{url.rpartition('/')[0]}/{name}") as pool,
    ):
        wire.take_away()
        with structlog.testing.capture_logs() as logs:
            outcome = await _post(task_context(pool), claimed, datetime.now(UTC), math.inf)
        wire.bring_back()

    assert outcome.kind is OutcomeKind.NOT_MADE
    assert [each["log_level"] for each in logs if each["event"] == "webhook_not_made"] == ["warning"]
    assert subscriber.received(path) == []


async def until_said(logs: Sequence[object], word: str) -> None:
    while word not in str(logs):  # noqa: ASYNC110  (said, not signalled)
        await asyncio.sleep(0.01)


async def test_the_next_one_is_enqueued_when_a_place_becomes_free(
    database: Database, user_id: UUID, subscriber: Subscriber
) -> None:
    urls = [subscriber.url(f"/{uuid4()}") for _ in range(2)]
    first, second = await schedule(database, user_id, *urls)
    await update(database, second, "ring_at = now()")
    context = task_context(database)

    await attempt(context, first)

    assert second in [each.id for each in enqueued(context)]


def enqueued(context: Context) -> list[DeliveryMessage]:
    assert isinstance(context.queue, SilentQueue)
    return context.queue.enqueued
