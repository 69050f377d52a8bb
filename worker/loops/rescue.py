"""The worker's loop around the sweep: jobs and deliveries without a worker are enqueued again within seconds."""

from service.actions.rescue import sweep
from service.database.connection import Database
from service.observability.metrics import WorkerMetrics
from service.queue.task_queue import Bell
from worker.loops.run_forever import run_forever

SWEEP_INTERVAL = 2.0  # seconds between two sweeps of one worker


async def sweep_for_ever(database: Database, bell: Bell, metrics: WorkerMetrics) -> None:
    """Sweep every `SWEEP_INTERVAL` until cancelled. If the database is away, the next sweep tries again."""

    async def sweep_once() -> None:
        swept = await sweep(database, bell)
        metrics.rung_again.labels("job").inc(swept.jobs)
        metrics.rung_again.labels("delivery").inc(swept.deliveries)

    await run_forever(sweep_once, interval=SWEEP_INTERVAL, postponed="sweep_postponed", failed="sweep_failed")
