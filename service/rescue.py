"""The sweep: rings for every job and delivery that is due although nobody works on it.

PostgreSQL knows what is due; Redis may have lost every message. Any number of workers may sweep at once.
"""

from dataclasses import dataclass

import structlog

from service.database import jobs, overdue
from service.database.connection import Database
from service.database.overdue import Stop
from service.queue import Bell

BATCH = 200  # jobs, or users at hosts, of one statement


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
    rung_deliveries = await _sweep_deliveries(database, bell)
    rung_jobs = await _sweep_jobs(database, bell)
    if is_empty:
        await bell.remember()
    if rung_jobs or rung_deliveries:
        structlog.get_logger().warning("rung_again", jobs=rung_jobs, deliveries=rung_deliveries)
    return Swept(rung_jobs, rung_deliveries)


async def _sweep_jobs(database: Database, bell: Bell) -> int:
    restored = 0
    is_last = False
    while not is_last:
        async with database.connection() as connection:
            batch = await jobs.take_overdue(connection, limit=BATCH)
        restored += await bell.restore_jobs([(job.id, job.created_at) for job in batch])
        is_last = len(batch) < BATCH
    return restored


async def _sweep_deliveries(database: Database, bell: Bell) -> int:
    """Walk once over the users at hosts for whom something is open, from batch to batch."""
    rung = 0
    after: Stop | None = None
    is_last = False
    while not is_last:
        async with database.connection() as connection:
            batch = await overdue.take_overdue(connection, after=after, limit=BATCH)
        for ring in batch.rings:
            await bell.ring_delivery(ring.id, attempt=ring.attempt, rings=ring.rings)
        rung += len(batch.rings)
        after, is_last = batch.after, batch.after is None
    return rung
