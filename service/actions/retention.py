"""Deletes old webhook data and old jobs, in batches."""

from datetime import timedelta
from functools import partial

from service.actions.batches import in_batches
from service.database import retention
from service.database.connection import Database
from service.database.jobs import job_retention
from service.database.retention import RETENTION_BATCH, Position

JOB_BATCHES = 20  # per call: nearly all jobs stay, and later calls check them again


async def remove_old_webhooks(database: Database, *, older_than: timedelta) -> int:
    """Delete settled deliveries, events without deliveries, and hosts that are no longer called; return how many rows.

    If it is interrupted, the next call deletes the rest.
    """
    deliveries = await in_batches(
        database, partial(retention.remove_deliveries, older_than=older_than), size=RETENTION_BATCH
    )
    events = await _remove_events(database, older_than)
    async with database.connection() as connection:
        # One batch per call is enough: a host is added only when it is called.
        return deliveries + events + await retention.forget_hosts(connection, older_than=older_than)


async def _remove_events(database: Database, older_than: timedelta) -> int:
    total = 0
    after: Position | None = None
    is_last = False
    while not is_last:
        async with database.transaction() as connection:
            removed, after = await retention.remove_events(connection, older_than=older_than, after=after)
        total += removed
        is_last = after is None
    return total


async def remove_old_jobs(database: Database, *, older_than: timedelta) -> int:
    """Check some of the old jobs, and delete those that nothing needs. Return how many were deleted.

    The next call, in any process, continues after them.
    """
    total = 0
    for _ in range(JOB_BATCHES):
        async with database.transaction() as connection:
            walked = await job_retention.remove_jobs(connection, older_than=older_than)
        total += walked.removed
        if walked.is_last:
            break
    return total
