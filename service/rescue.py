"""The sweep: rings for every job and delivery that is due although nobody works on it.

PostgreSQL knows what is due; Redis may have lost every message. Any number of workers may sweep at once.
"""

from dataclasses import dataclass

import structlog

from service.database import deliveries, jobs
from service.database.connection import Database
from service.queue import Bell

BATCH = 200  # rows of one statement


@dataclass(frozen=True)
class Swept:
    """What a sweep rang for."""

    jobs: int = 0
    deliveries: int = 0


async def sweep(database: Database, bell: Bell) -> Swept:
    """Ring once for everything overdue; after a loss of all bells, for every job that nobody works on."""
    if is_empty := await bell.notices_loss():
        async with database.connection() as connection:
            await jobs.make_overdue(connection)
    rung_jobs = rung_deliveries = 0
    is_last = False
    while not is_last:
        batch, is_last = await _sweep_batch(database, bell)
        rung_jobs += batch.jobs
        rung_deliveries += batch.deliveries
    if is_empty:
        await bell.remember()
    if rung_jobs or rung_deliveries:
        structlog.get_logger().warning("rung_again", jobs=rung_jobs, deliveries=rung_deliveries)
    return Swept(rung_jobs, rung_deliveries)


async def _sweep_batch(database: Database, bell: Bell) -> tuple[Swept, bool]:
    async with database.connection() as connection:
        overdue_jobs = await jobs.take_overdue(connection, limit=BATCH)
        overdue_deliveries = await deliveries.take_overdue(connection, limit=BATCH)
    restored = await bell.restore_jobs([(job.id, job.created_at) for job in overdue_jobs])
    for delivery in overdue_deliveries:
        await bell.ring_delivery(delivery.id, attempt=delivery.attempt, rings=delivery.rings)
    is_last = max(len(overdue_jobs), len(overdue_deliveries)) < BATCH
    return Swept(restored, len(overdue_deliveries)), is_last
