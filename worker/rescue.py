"""The worker's loop around the sweep: whatever nobody works on is put back within seconds."""

import asyncio

import structlog

from service.database.connection import UNREACHABLE, Database
from service.metrics import WorkerMetrics
from service.queue import Bell
from service.rescue import sweep

INTERVAL = 2.0  # seconds between two sweeps of one worker


async def sweep_for_ever(database: Database, bell: Bell, metrics: WorkerMetrics) -> None:
    """Sweep now and then until cancelled. A database that is away is waited for."""
    while True:
        try:
            swept = await sweep(database, bell)
            metrics.rung_again.labels("job").inc(swept.jobs)
            metrics.rung_again.labels("delivery").inc(swept.deliveries)
        except UNREACHABLE as error:
            structlog.get_logger().warning("sweep_postponed", error=type(error).__name__)
        except Exception:  # noqa: BLE001  (process boundary: the loop that puts everything right must not end)
            structlog.get_logger().exception("sweep_failed")
        await asyncio.sleep(INTERVAL)
