"""The queues whose messages name a row each, and how a worker serves them. A new kind of work adds a row."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from arq.worker import Worker, func

from service.queue.task_queue import FIRST_ATTEMPTS, RETRIES, QueuedTask
from worker.context import Context, Limits
from worker.tasks.deliver_webhook import LEASE_MARGIN, RETRY_LANE, deliver_webhook

FIRST_ATTEMPTS_AT_ONCE = 100
RETRIES_AT_ONCE = 50
UNLIMITED = 1_000_000  # tries; PostgreSQL decides what has failed, never the queue


@dataclass(frozen=True)
class ServedQueue:
    """A queue of this worker, with an arq worker of its own: what waits in one does not hold up the others."""

    task: QueuedTask
    run: Callable[[dict[str, Any], str], Awaitable[None]]
    timeout: Callable[[Limits], timedelta]
    """The message of a worker that died stays in the queue, skipped by the others, for this long and 10 seconds."""
    at_once: int
    poll_delay: float = 0.1
    """Seconds. On average the queue delays a request by half of this."""
    is_retry_lane: bool = False
    """It serves retries of deliveries."""


def _attempt_timeout(limits: Limits) -> timedelta:
    return limits.webhook_timeout + 2 * LEASE_MARGIN


SERVED_QUEUES = (
    ServedQueue(FIRST_ATTEMPTS, deliver_webhook, _attempt_timeout, at_once=FIRST_ATTEMPTS_AT_ONCE),
    ServedQueue(
        RETRIES,
        deliver_webhook,
        _attempt_timeout,
        at_once=RETRIES_AT_ONCE,
        # For a postponed attempt half a second does not matter, and more frequent polls cost an idle worker's CPU.
        poll_delay=0.5,
        is_retry_lane=True,
    ),
)


def arq_worker(queue: ServedQueue, context: Context, common: dict[str, Any]) -> Worker:
    """Return arq's worker of one queue. `common`: the options that all workers of this process share."""
    run: Any = queue.run  # arq's protocol asks for a function of any arguments
    timeout = queue.timeout(context.limits)
    return Worker(
        [func(run, name=queue.task.function, timeout=timeout, max_tries=UNLIMITED)],
        queue_name=queue.task.queue,
        max_jobs=queue.at_once,
        ctx={"autos": context, RETRY_LANE: queue.is_retry_lane},
        **common | {"poll_delay": queue.poll_delay},
    )
