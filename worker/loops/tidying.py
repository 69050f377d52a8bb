"""The worker's loop that removes leftovers from the bucket."""

from service.actions import kept_listings
from service.actions.bucket_tidying import abort_stale_uploads, remove_left_probes, remove_unnamed_objects
from service.database.connection import Database
from service.observability.metrics import WorkerMetrics
from service.storage.object_store import ObjectStore
from worker.loops.run_forever import run_forever

TIDYING_INTERVAL = 600.0  # seconds


async def tidy_for_ever(database: Database, store: ObjectStore, metrics: WorkerMetrics) -> None:
    """Tidy every `TIDYING_INTERVAL` until cancelled. A bucket that hangs must not delay the sweep."""

    async def tidy() -> None:
        metrics.uploads_aborted.inc(await abort_stale_uploads(database, store))
        metrics.objects_removed.inc(await remove_left_probes(store))
        metrics.objects_removed.inc(await remove_unnamed_objects(database, store))
        metrics.objects_removed.inc(await kept_listings.remove_left_over(database, store))

    await run_forever(tidy, interval=TIDYING_INTERVAL, postponed="tidying_postponed", failed="tidying_failed")
