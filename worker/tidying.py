"""The worker's loop that keeps the bucket tidy."""

import asyncio

import structlog

from service.bucket_tidying import abort_stale_uploads, remove_unnamed_objects
from service.database.connection import UNREACHABLE, Database
from service.metrics import WorkerMetrics
from service.object_store import ObjectStore

INTERVAL = 600.0  # seconds


async def tidy_for_ever(database: Database, store: ObjectStore, metrics: WorkerMetrics) -> None:
    """Tidy now and then until cancelled. In a loop of its own: a store that hangs must not hold the sweep up."""
    while True:
        try:
            metrics.uploads_aborted.inc(await abort_stale_uploads(database, store))
            metrics.objects_removed.inc(await remove_unnamed_objects(database, store))
        except UNREACHABLE as error:
            structlog.get_logger().warning("tidying_postponed", error=type(error).__name__)
        except Exception:  # noqa: BLE001  (process boundary: what fails here must not end the worker)
            structlog.get_logger().exception("tidying_failed")
        await asyncio.sleep(INTERVAL)
