"""The worker's loop around the sweep: whatever nobody works on is put back within seconds."""

import asyncio

import structlog

from service.database.connection import UNREACHABLE, Database
from service.metrics import WorkerMetrics
from service.object_store import ObjectStore
from service.queue import Bell
from service.rescue import abort_stale_uploads, sweep

INTERVAL = 2.0  # seconds between two sweeps of one worker
UPLOADS_INTERVAL = 3600.0  # seconds


async def sweep_for_ever(database: Database, bell: Bell, store: ObjectStore, metrics: WorkerMetrics) -> None:
    """Sweep now and then until cancelled. A database that is away is waited for."""
    clock = asyncio.get_running_loop().time
    uploads_at = clock()
    while True:
        try:
            swept = await sweep(database, bell)
            metrics.rung_again.labels("job").inc(swept.jobs)
            metrics.rung_again.labels("delivery").inc(swept.deliveries)
            if clock() >= uploads_at:
                uploads_at += UPLOADS_INTERVAL
                metrics.uploads_aborted.inc(await abort_stale_uploads(store))
        except UNREACHABLE as error:
            structlog.get_logger().warning("sweep_postponed", error=type(error).__name__)
        except Exception:  # noqa: BLE001  (process boundary: the loop that puts everything right must not end)
            structlog.get_logger().exception("sweep_failed")
        await asyncio.sleep(INTERVAL)
