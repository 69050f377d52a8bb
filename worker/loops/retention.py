"""The worker's loop that deletes old deliveries, events and jobs."""

from datetime import timedelta

import structlog

from service.actions.retention import remove_old_jobs, remove_old_webhooks
from service.database.connection import Database
from worker.loops.run_forever import run_forever

RETENTION_INTERVAL = 600.0  # seconds


async def remove_for_ever(database: Database, *, days: int) -> None:
    """Delete what is older than `days`, every `RETENTION_INTERVAL`, until cancelled. 0 keeps everything.

    In a loop of its own: a first run over years of history must not delay the sweep.
    """

    async def remove() -> None:
        if removed := await remove_old_webhooks(database, older_than=timedelta(days=days)):
            structlog.get_logger().info("webhooks_removed", rows=removed)
        if removed := await remove_old_jobs(database, older_than=timedelta(days=days)):
            structlog.get_logger().info("jobs_removed", rows=removed)

    if days:
        await run_forever(
            remove, interval=RETENTION_INTERVAL, postponed="retention_postponed", failed="retention_failed"
        )
