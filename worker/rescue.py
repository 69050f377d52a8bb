"""The sweep: rings for every job and delivery that is due although nobody works on it.

PostgreSQL knows what is due; Redis may have lost every message. Any number of workers may sweep at once.
"""

import asyncio

import structlog

from service.database import deliveries, jobs
from service.database.connection import Database
from service.queue import Bell

INTERVAL = 5.0  # seconds between two sweeps of one worker


async def sweep(database: Database, bell: Bell) -> int:
    """Ring once for everything overdue; says for how many."""
    async with database.connection() as connection:
        overdue_jobs = await jobs.take_overdue(connection)
        overdue_deliveries = await deliveries.take_overdue(connection)
    for job in overdue_jobs:
        await bell.ring_job(job.id, job.rings)
    for delivery in overdue_deliveries:
        await bell.ring_delivery(delivery.id, attempt=delivery.attempt, rings=delivery.rings)
    found = len(overdue_jobs) + len(overdue_deliveries)
    if found:
        structlog.get_logger().warning("rung_again", jobs=len(overdue_jobs), deliveries=len(overdue_deliveries))
    return found


async def sweep_for_ever(database: Database, bell: Bell) -> None:
    """Sweep now and then until cancelled. A database that is away is waited for."""
    while True:
        try:
            await sweep(database, bell)
        except Exception:  # noqa: BLE001  (process boundary: the loop that puts everything right must not end)
            structlog.get_logger().exception("sweep_failed")
        await asyncio.sleep(INTERVAL)
