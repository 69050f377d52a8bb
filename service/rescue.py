"""The sweep: rings for every job and delivery that is due although nobody works on it.

PostgreSQL knows what is due; Redis may have lost every message. Any number of workers may sweep at once.
"""

import structlog

from service.database import deliveries, jobs
from service.database.connection import Database
from service.queue import Bell

BATCH = 200  # rows of one statement


async def sweep(database: Database, bell: Bell) -> int:
    """Ring once for everything overdue; says for how many."""
    rung_jobs = rung_deliveries = 0
    while True:
        async with database.connection() as connection:
            overdue_jobs = await jobs.take_overdue(connection, limit=BATCH)
            overdue_deliveries = await deliveries.take_overdue(connection, limit=BATCH)
        for job in overdue_jobs:
            await bell.ring_job(job.id, job.rings)
        for delivery in overdue_deliveries:
            await bell.ring_delivery(delivery.id, attempt=delivery.attempt, rings=delivery.rings)
        rung_jobs += len(overdue_jobs)
        rung_deliveries += len(overdue_deliveries)
        if max(len(overdue_jobs), len(overdue_deliveries)) < BATCH:
            break
    if rung_jobs or rung_deliveries:
        structlog.get_logger().warning("rung_again", jobs=rung_jobs, deliveries=rung_deliveries)
    return rung_jobs + rung_deliveries
