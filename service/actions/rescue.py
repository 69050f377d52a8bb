"""The sweep: finds leased work that has no worker or no message, and enqueues it again.

PostgreSQL knows what is due; Redis may have lost every message. Any number of workers may sweep at once. Each kind of
leased work is a row of `LEASED_KINDS`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

import structlog

from service.actions.batches import in_batches
from service.database import leases
from service.database.connection import Connection, Database
from service.database.deliveries import deliveries, overdue
from service.database.deliveries.overdue import Stop
from service.database.jobs import jobs, turns
from service.database.leases import Enqueued, LeasedTable
from service.database.monitors import watches
from service.database.users import deleted_users
from service.domain.deliveries import DeliveryMessage
from service.queue.task_queue import QueuedTask, TaskQueue

SWEEP_BATCH = 200  # rows, or pairs of host and user, per statement
ENDINGS = 5  # batches per sweep, of deliveries of deleted users

#: Enqueues what it finds, and returns how many rows had no worker or no message.
Sweep = Callable[[Database, TaskQueue], Awaitable[int]]
_Row = TypeVar("_Row")
#: Takes a batch of overdue rows. The second value goes into the next call; None: this batch was the last one.
_Find = Callable[[Connection, Any], Awaitable[tuple[Sequence[_Row], Any]]]


@dataclass(frozen=True)
class LeasedKind:
    """A kind of leased work: how it is found again, and what it is called."""

    name: str  #: label `kind` of the metric `autos_rung_again_total`
    plural: str  #: field of the log line `rung_again` and of `autos rescue --json`
    done: str  #: what `autos rescue` says of a number of them
    sweep: Sweep


async def sweep(database: Database, queue: TaskQueue, kinds: Sequence[LeasedKind] | None = None) -> dict[str, int]:
    """Sweep all kinds, by default those of `LEASED_KINDS`. Return how many rows were found, by the name of the kind."""
    swept = {kind: await kind.sweep(database, queue) for kind in kinds or LEASED_KINDS}
    if any(swept.values()):
        structlog.get_logger().warning("rung_again", **{kind.plural: count for kind, count in swept.items()})
    return {kind.name: count for kind, count in swept.items()}


def sweep_rows(table: LeasedTable, task: QueuedTask) -> Sweep:
    """Return the sweep of a kind whose messages name a row each, and whose overdue rows need no further choice."""

    async def find(connection: Connection, _again: bool | None) -> tuple[Sequence[Enqueued], bool | None]:
        rows = await leases.take_overdue(connection, table, limit=SWEEP_BATCH)
        return rows, len(rows) == SWEEP_BATCH or None

    async def sweep_table(database: Database, queue: TaskQueue) -> int:
        async def enqueue(row: Enqueued) -> bool:
            return await queue.enqueue_row(task, row.id, message=f"{task.function}:{row.id}:{row.enqueue_count}")

        return await _enqueue_all(database, find, enqueue)

    return sweep_table


async def _enqueue_all(database: Database, find: _Find[_Row], enqueue: Callable[[_Row], Awaitable[bool]]) -> int:
    """Enqueue overdue rows in batches. Return how many."""
    enqueued, after = 0, None
    while True:
        async with database.connection() as connection:
            rows, after = await find(connection, after)
        for row in rows:
            if not await enqueue(row):
                # Redis is unreachable: the others become overdue again, and a later sweep enqueues them.
                return enqueued
            enqueued += 1
        if after is None:
            return enqueued


async def _sweep_jobs(database: Database, queue: TaskQueue) -> int:
    """Release jobs whose worker is gone or whose delay has passed. The first are counted."""
    released = await in_batches(database, partial(jobs.release_expired, limit=SWEEP_BATCH), size=SWEEP_BATCH)
    delayed = await in_batches(database, partial(jobs.release_delayed, limit=SWEEP_BATCH), size=SWEEP_BATCH)
    async with database.connection() as connection:
        await turns.tidy(connection)
    if released or delayed:
        # One message for all: it names no job.
        await queue.enqueue_job(uuid4())
    return released


async def _sweep_deliveries(database: Database, queue: TaskQueue) -> int:
    """Enqueue overdue deliveries, after what recoveries and deleted users have left to do."""
    async with database.transaction() as connection:
        # One batch per sweep: the hosts have no slots for more.
        await deliveries.go_on_recovering(connection)
    await _end_for_deleted_users(database)

    return await _enqueue_all(database, _overdue_deliveries, queue.enqueue_delivery)


async def _overdue_deliveries(
    connection: Connection, after: Stop | None
) -> tuple[Sequence[DeliveryMessage], Stop | None]:
    batch = await overdue.take_overdue(connection, after=after, limit=SWEEP_BATCH)
    return batch.messages, batch.after


async def _end_for_deleted_users(database: Database) -> None:
    """Run a few batches per sweep, so that a user with millions of deliveries does not delay it."""
    for _ in range(ENDINGS):
        async with database.transaction() as connection:
            if not await deleted_users.go_on_ending(connection):
                return


async def _sweep_watches(database: Database, _queue: TaskQueue) -> int:
    """Release cases whose worker is gone. No message: workers look for cases to check by themselves."""
    return await in_batches(database, partial(watches.release_expired, limit=SWEEP_BATCH), size=SWEEP_BATCH)


LEASED_KINDS = (
    LeasedKind("job", "jobs", "put {} jobs back", _sweep_jobs),
    LeasedKind("delivery", "deliveries", "rang for {} deliveries", _sweep_deliveries),
    LeasedKind("watch", "watches", "put {} checks back", _sweep_watches),
)
