"""How a worker ends: running tasks hand their work over, then arq's loops are stopped. Neither step can hang.

arq's own handler cancels its tasks wherever they are. If a task is just writing to Redis that it has finished, the
whole shutdown fails; if a loop swallows its cancellation, the shutdown waits for ever.
"""

import asyncio
import contextlib
import inspect
import signal
from collections.abc import Coroutine
from typing import Any

import structlog
from arq.worker import Retry, Worker
from redis.exceptions import RedisError

from service.queue.task_queue import RetryUntilShutdown

SHUTDOWN_TIMEOUT = 8.0  # seconds for the hand-over; container platforms kill after 10
RECANCEL_INTERVAL = 0.2  # seconds after which a loop that swallowed its cancellation is cancelled again


class Shutdown:
    """Stops the running tasks on SIGTERM or SIGINT. A second signal ends the process at once."""

    def __init__(self, retry: RetryUntilShutdown) -> None:
        self._redis_retry = retry
        self._running: set[asyncio.Task[None]] = set()
        self._started: set[asyncio.Task[None]] = set()
        self._stopper: asyncio.Task[None] | None = None
        self.is_broken = False  #: a loop ended that should run for ever

    def install(self, main: asyncio.Task[Any], *others: Worker) -> None:
        """Handle the signals of this process. `main`: the task of arq's own worker; `others` run beside it.

        After a signal no worker takes messages, and `main` is cancelled when everything has been handed over.
        """
        # arq does not pass its hooks the worker that calls them.
        coroutine: Any = main.get_coro()
        workers = [inspect.getcoroutinelocals(coroutine)["self"], *others]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._begin, main, workers)

    def watch(self, *loops: asyncio.Task[Any]) -> None:
        """If one of these ends without a shutdown, end the process, so that its supervisor restarts it."""
        for each in loops:
            each.add_done_callback(self._see_end)

    def _see_end(self, loop: asyncio.Task[Any]) -> None:
        # Read in any case: asyncio logs an exception that was never retrieved.
        error = None if loop.cancelled() else loop.exception()
        if self._stopper is None and not loop.cancelled():
            structlog.get_logger().error("worker_broken", loop=loop.get_name(), exc_info=error)
            self.is_broken = True
            signal.raise_signal(signal.SIGTERM)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` in a task that the shutdown cancels and then waits for."""
        task = asyncio.ensure_future(work)
        self._started.add(task)
        task.add_done_callback(self._started.discard)
        if self._stopper is not None:
            task.cancel()
        return task

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the work of one arq task. Raises `Retry` if the shutdown stops it: another worker then takes it soon."""
        if self._stopper is not None:
            work.close()
            raise Retry(defer=1)
        task = asyncio.ensure_future(work)
        self._running.add(task)
        try:
            await task
        except asyncio.CancelledError:
            if self._stopper is None:
                raise
            raise Retry(defer=0) from None
        finally:
            self._running.discard(task)

    def _begin(self, main: asyncio.Task[Any], workers: list[Worker]) -> None:
        for worker in workers:
            worker.allow_pick_jobs = False
            worker.tasks.update({name: asyncio.ensure_future(_settled(task)) for name, task in worker.tasks.items()})
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        # arq's own loops wait for Redis until they are cancelled, last: a failed one would end the process too early.
        self._redis_retry.end(*(worker.main_task for worker in workers))
        self._stopper = asyncio.ensure_future(self._stop(main, workers))

    async def _stop(self, main: asyncio.Task[Any], workers: list[Worker]) -> None:
        for task in self._running | self._started:
            task.cancel()
        try:
            async with asyncio.timeout(SHUTDOWN_TIMEOUT):
                while tasks := [*_unfinished(workers), *self._started]:
                    await asyncio.wait(tasks)
        except TimeoutError:
            pass
        await end(main)


async def _settled(task: asyncio.Task[Any]) -> None:
    """Wait for one of arq's tasks. If Redis is away, its message cannot be returned: the sweep enqueues it again."""
    with contextlib.suppress(RedisError):
        await task


def _unfinished(workers: list[Worker]) -> list[asyncio.Task[Any]]:
    """The running tasks of these workers, also those that began after the signal."""
    return [task for worker in workers for task in worker.tasks.values() if not task.done()]


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel a task again and again until it has ended."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=RECANCEL_INTERVAL)
