"""Deletes what is kept of webhooks and of jobs when its time has come, batch by batch."""

from datetime import timedelta
from functools import partial

from service.actions.batches import in_batches
from service.database import retention
from service.database.connection import Database
from service.database.jobs import job_retention
from service.database.retention import BATCH, Position

JOB_BATCHES = 20  # of one call: nearly all jobs stay, and are looked at again in a later one


async def remove_old_webhooks(database: Database, *, older_than: timedelta) -> int:
    """Delete settled deliveries, events without deliveries, and hosts that are no longer called; returns how many rows.

    Cut off at any moment, it goes on with the rest the next time.
    """
    deliveries = await in_batches(database, partial(retention.remove_deliveries, older_than=older_than), size=BATCH)
    events = await _remove_events(database, older_than)
    async with database.connection() as connection:
        # A batch each time is enough: a host is called before it can be forgotten.
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
    """Look at some of the old jobs, and delete those that nothing needs; returns how many these were.

    The next call goes on behind them, in any process.
    """
    total = 0
    for _ in range(JOB_BATCHES):
        async with database.transaction() as connection:
            walked = await job_retention.remove_jobs(connection, older_than=older_than)
        total += walked.removed
        if walked.is_last:
            break
    return total
