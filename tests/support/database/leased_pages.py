"""A kind of leased work that the service does not have: pages, with a table, a task and rows in the tables of kinds."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec

from service.actions.rescue import LeasedKind, sweep_rows
from service.database import leases
from service.database.connection import Database
from service.database.leases import OWNED, LeasedTable, LeaseLost
from service.queue.task_queue import QueuedTask
from worker import lease
from worker.context import Context, context_of
from worker.queues import ServedQueue

TABLE = """
CREATE TABLE pages (
    id uuid PRIMARY KEY,
    status text NOT NULL DEFAULT 'pending',
    priority integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    lease_token uuid,
    lease_expires_at timestamptz,
    enqueue_at timestamptz DEFAULT now(),
    enqueue_count integer NOT NULL DEFAULT 0
)
"""
PAGES = LeasedTable(
    name="pages",
    is_due="pages.status = 'pending' AND pages.due_at <= now()",
    order="priority, enqueue_at",
    at_claim="enqueue_at = now() + :term",
)
MAKE_PAGE = QueuedTask("make_page", f"autos:pages:{uuid4()}")
KIND = LeasedKind("page", "pages", "enqueued {} pages", sweep_rows(PAGES, MAKE_PAGE))
TERM = timedelta(seconds=15)


class Page(msgspec.Struct, frozen=True):
    """A page that a worker has claimed."""

    id: UUID
    lease: UUID


class Press:
    """The work on a page: it ends at once, or when the test lets it."""

    def __init__(self, *, waits: bool = False) -> None:
        self.begun, self.let_end = asyncio.Event(), asyncio.Event()
        self.ended: asyncio.Queue[str] = asyncio.Queue()  #: how each piece of work ended
        if not waits:
            self.let_end.set()

    async def print(self, context: Context, page: Page) -> None:
        self.begun.set()
        await self.let_end.wait()
        async with context.database.transaction() as connection:
            await leases.hold(connection, PAGES, page)
            await connection.execute(
                f"UPDATE pages SET status = 'made', enqueue_at = NULL, {leases.NO_LEASE} WHERE {OWNED}",  # noqa: S608  (constants)
                {"id": page.id, "lease": page.lease},
            )


async def make_page(ctx: dict[str, Any], page_id: str) -> None:
    """The task, as arq calls it."""
    context, press = context_of(ctx), cast(Press, ctx["press"])
    await context.shutdown.run(claim_and_make(context, press, UUID(page_id)))


async def claim_and_make(context: Context, press: Press, page_id: UUID) -> None:
    give_back = partial(release, context.database)
    page = await lease.claim(claim(context.database, page_id), give_back)
    if page is None:
        press.ended.put_nowait("not claimed")
        return
    try:
        async with lease.given_back_if_cancelled(partial(give_back, page)):
            await lease.keep(context.database, PAGES, page, press.print(context, page), term=TERM)
    except LeaseLost:
        press.ended.put_nowait("lost")
    else:
        press.ended.put_nowait("made")


async def claim(database: Database, page_id: UUID) -> Page | None:
    page = Page(page_id, uuid4())
    async with database.connection() as connection:
        row = await leases.claim(connection, PAGES, page_id, page.lease, term=TERM)
    return None if row is None else page


async def release(database: Database, page: Page) -> None:
    async with database.connection() as connection:
        await leases.release(connection, PAGES, page)


SERVED = ServedQueue(MAKE_PAGE, make_page, lambda _limits: timedelta(minutes=1), at_once=2, poll_delay=0.01)
