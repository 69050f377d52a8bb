"""A worker that is stopped during an attempt: no lease stays, and every POST is recorded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.database.connection import Database
from service.local.stack import Stack
from service.webhooks.payload import render
from tests.support.deliveries.attempts import let_fail
from tests.support.deliveries.deliveries import (
    SilentQueue,
    attempt,
    make_due,
    name_of,
    open_pool,
    row,
    schedule,
    task_context,
)
from tests.support.loop_clock import running_loop_clock
from tests.support.servers.subscriber import Subscriber
from tests.support.servers.tcp_proxy import TcpProxy, running_tcp_proxy
from worker.context import Context


@dataclass
class Wire:
    """A proxy to PostgreSQL. It goes silent after `last` in a transaction that has `statement`."""

    proxy: TcpProxy
    pool: Database
    statement: bytes = b""
    last: bytes = b""
    fell_silent: asyncio.Event = field(default_factory=asyncio.Event)

    def observer(self) -> Any:
        """An observer of one connection."""
        seen = False

        def observe(chunk: bytes) -> None:
            nonlocal seen
            seen = seen or (bool(self.statement) and self.statement in chunk)
            if seen and self.last in chunk:
                self.statement, seen = b"", False
                self.proxy.go_silent()
                self.fell_silent.set()

        return observe


@asynccontextmanager
async def open_wire(stack: Stack, database: Database) -> AsyncIterator[Wire]:
    async with running_tcp_proxy(stack.endpoints.database_url) as (proxy, url):
        wire = Wire(proxy, database)
        proxy.observer = wire.observer
        async with open_pool(f"{url.rpartition('/')[0]}/{await name_of(database)}") as pool:
            wire.pool = pool
            yield wire


async def stop_behind(
    wire: Wire,
    context: Context,
    delivery_id: UUID,
    statement: bytes,
    *,
    last: bytes = b"COMMIT",
    in_retry_lane: bool = True,
) -> None:
    """Cancel the task while the result of `last` is on its way, in the transaction of a statement."""
    wire.statement, wire.last = statement, last
    attempting = asyncio.create_task(attempt(context, delivery_id, in_retry_lane=in_retry_lane))
    await wire.fell_silent.wait()
    attempting.cancel()
    # The cancellation must arrive before PostgreSQL's result.
    await asyncio.sleep(0)
    wire.proxy.bring_back()
    await asyncio.wait([attempting], timeout=60)
    assert attempting.done()


async def test_a_lease_that_was_being_taken_is_given_back(
    stack: Stack, database: Database, user_id: UUID, subscriber: Subscriber
) -> None:
    path = f"/{uuid4()}"
    (delivery_id,) = await schedule(database, user_id, subscriber.url(path))
    async with open_wire(stack, database) as wire:
        await stop_behind(wire, task_context(wire.pool), delivery_id, b"SET lease_token")

    found = await row(database, delivery_id)
    assert (found["lease_token"], found["attempts"], subscriber.received(path)) == (None, 0, [])
    await attempt(task_context(database), delivery_id)
    assert (await row(database, delivery_id))["status"] == "delivered"


async def test_a_message_that_was_to_be_passed_on_is_enqueued(
    stack: Stack, database: Database, user_id: UUID, url: str
) -> None:
    await let_fail(database, user_id, url)
    (delivery_id,) = await schedule(database, user_id, url)
    async with open_wire(stack, database) as wire:
        context = task_context(wire.pool)
        await stop_behind(wire, context, delivery_id, b"SET rings = rings + 1", in_retry_lane=False)

    assert isinstance(context.queue, SilentQueue)
    assert [each.id for each in context.queue.enqueued] == [delivery_id]


@pytest.mark.parametrize("last", [b"INSERT INTO delivery_attempts", b"COMMIT"])
async def test_what_was_sent_is_written_down_by_a_worker_that_ends(
    stack: Stack, database: Database, user_id: UUID, subscriber: Subscriber, last: bytes
) -> None:
    path = f"/{uuid4()}"
    (delivery_id,) = await schedule(database, user_id, subscriber.url(path))
    async with open_wire(stack, database) as wire:
        context, statement = task_context(wire.pool), b"INSERT INTO delivery_attempts"
        await stop_behind(wire, context, delivery_id, statement, last=last)

    found = await row(database, delivery_id)
    assert (found["status"], found["attempts"], len(subscriber.received(path))) == ("delivered", 1, 1)


async def test_a_worker_that_stood_still_until_its_lease_had_nearly_ended_sends_nothing(
    database: Database, user_id: UUID, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/{uuid4()}"
    (delivery_id,) = await schedule(database, user_id, subscriber.url(path))
    with running_loop_clock() as clock:

        async def stand_still(*args: Any, **kwargs: Any) -> bytes:
            clock.put_forward(60)
            return await render(*args, **kwargs)

        monkeypatch.setattr("worker.tasks.deliver_webhook.render", stand_still)
        await attempt(task_context(database), delivery_id)

    found = await row(database, delivery_id)
    assert (found["lease_token"], found["attempts"], subscriber.received(path)) == (None, 0, [])
    monkeypatch.undo()
    await make_due(database, delivery_id)
    await attempt(task_context(database), delivery_id)
    assert len(subscriber.received(path)) == 1
