"""The sweep: releases jobs whose worker is gone, and enqueues every delivery that is due.

PostgreSQL knows what is due; Redis may have lost every message. Any number of workers may sweep at once.
"""

from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import structlog

from service.actions.batches import in_batches
from service.database.connection import Database
from service.database.deliveries import deliveries, overdue
from service.database.deliveries.overdue import Stop
from service.database.jobs import jobs, turns
from service.database.users import deleted_users
from service.queue.task_queue import Bell

SWEEP_BATCH = 200  # jobs, or pairs of host and user, per statement
ENDINGS = 5  # batches per sweep, of deliveries of deleted users


@dataclass(frozen=True)
class Swept:
    """What a sweep released and enqueued."""

    jobs: int = 0  #: whose worker was gone
    deliveries: int = 0


async def sweep(database: Database, bell: Bell) -> Swept:
    """Release jobs whose worker is gone or whose delay has passed, and enqueue overdue deliveries."""
    released = await in_batches(database, partial(jobs.release_expired, limit=SWEEP_BATCH), size=SWEEP_BATCH)
    delayed = await in_batches(database, partial(jobs.release_delayed, limit=SWEEP_BATCH), size=SWEEP_BATCH)
    async with database.connection() as connection:
        await turns.tidy(connection)
    if released or delayed:
        await bell.ring_job(uuid4())
    async with database.transaction() as connection:
        # One batch per sweep: the hosts have no slots for more.
        await deliveries.go_on_recovering(connection)
    await _end_for_deleted_users(database)
    rung = await _sweep_deliveries(database, bell)
    if released or rung:
        structlog.get_logger().warning("rung_again", jobs=released, deliveries=rung)
    return Swept(released, rung)


async def _end_for_deleted_users(database: Database) -> None:
    """Run a few batches per sweep, so that a user with millions of deliveries does not delay it."""
    for _ in range(ENDINGS):
        async with database.transaction() as connection:
            if not await deleted_users.go_on_ending(connection):
                return


async def _sweep_deliveries(database: Database, bell: Bell) -> int:
    """Enqueue overdue deliveries, in batches of pairs of host and user. Return how many."""
    rung = 0
    after: Stop | None = None
    is_last = False
    while not is_last:
        async with database.connection() as connection:
            batch = await overdue.take_overdue(connection, after=after, limit=SWEEP_BATCH)
        for ring in batch.rings:
            if not await bell.ring_delivery(ring.id, attempt=ring.attempt, rings=ring.rings):
                # Redis is unreachable: the others become overdue again, and a later sweep enqueues them.
                return rung
            rung += 1
        after, is_last = batch.after, batch.after is None
    return rung
