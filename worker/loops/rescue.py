"""The worker's loop around the sweep: leased work without a worker is enqueued again within seconds."""

from service.actions.rescue import LEASED_KINDS, sweep
from service.database.connection import Database
from service.observability.metrics import WorkerMetrics
from service.queue.task_queue import TaskQueue
from worker.loops.run_forever import run_forever

SWEEP_INTERVAL = 2.0  # seconds between two sweeps of one worker


async def sweep_for_ever(database: Database, queue: TaskQueue, metrics: WorkerMetrics) -> None:
    """Sweep every `SWEEP_INTERVAL` until cancelled. If the database is away, the next sweep tries again."""

    for kind in LEASED_KINDS:
        # Prometheus' `increase` does not see a first count that creates its series.
        metrics.rung_again.labels(kind.name)

    async def sweep_once() -> None:
        for name, count in (await sweep(database, queue)).items():
            metrics.rung_again.labels(name).inc(count)

    await run_forever(sweep_once, interval=SWEEP_INTERVAL, postponed="sweep_postponed", failed="sweep_failed")
