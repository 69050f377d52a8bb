"""How a worker ends: what runs hands its work over, then arq's loops are stopped, and nothing hangs on either.

arq's own handler cancels its tasks wherever they are. One that is just telling Redis that it has finished makes the
whole shutdown fail, and a cancellation that a loop swallows makes it wait for ever.
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

from service.queue.task_queue import Patience

GRACE = 8.0  # seconds for the hand-over; container platforms kill after 10
AGAIN = 0.2  # seconds after which a loop that swallowed its cancellation is cancelled again


class Drain:
    """Knows what runs, and ends it on SIGTERM or SIGINT. A second signal ends the process at once."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._running: set[asyncio.Task[None]] = set()
        self._started: set[asyncio.Task[None]] = set()
        self._stopper: asyncio.Task[None] | None = None
        self.is_broken = False  #: a loop ended that should never have

    def install(self, main: asyncio.Task[Any], *others: Worker) -> None:
        """Handle the signals of this process: `main` is that of arq's own worker, `others` run beside it.

        Nobody takes a bell from then on, and `main` is cancelled when everything has been handed over.
        """
        # arq tells its hooks everything but the worker that calls them.
        coroutine: Any = main.get_coro()
        workers = [inspect.getcoroutinelocals(coroutine)["self"], *others]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._begin, main, workers)

    def watch(self, *loops: asyncio.Task[Any]) -> None:
        """End the process, for a supervisor to start anew, when one of these ends although nobody asked it to."""
        for each in loops:
            each.add_done_callback(self._see_end)

    def _see_end(self, loop: asyncio.Task[Any]) -> None:
        # Asked for in any case: asyncio logs an exception that nobody has seen.
        error = None if loop.cancelled() else loop.exception()
        if self._stopper is None and not loop.cancelled():
            structlog.get_logger().error("worker_broken", loop=loop.get_name(), exc_info=error)
            self.is_broken = True
            signal.raise_signal(signal.SIGTERM)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do work in a task that the shutdown cancels, and whose end it waits for."""
        task = asyncio.ensure_future(work)
        self._started.add(task)
        task.add_done_callback(self._started.discard)
        if self._stopper is not None:
            task.cancel()
        return task

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work of one task. Raises `Retry` where it was stopped, so that another worker takes it at once."""
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
        # arq's own loops are cancelled last: one that failed before would end the process in the middle of the rest.
        self._patience.end(*(worker.main_task for worker in workers))
        self._stopper = asyncio.ensure_future(self._stop(main))

    async def _stop(self, main: asyncio.Task[Any]) -> None:
        for task in self._running | self._started:
            task.cancel()
        try:
            async with asyncio.timeout(GRACE):
                while tasks := [*_tasks_of_arq(), *self._started]:
                    await asyncio.wait(tasks)
        except TimeoutError:
            pass
        await end(main)


async def _settled(task: asyncio.Task[Any]) -> None:
    """Wait for a message of arq's. Where Redis is away it cannot be given back, which is no fault: the sweep rings."""
    with contextlib.suppress(RedisError):
        await task


def _tasks_of_arq() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__name__", "") == "run_job"]


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it has ended."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=AGAIN)
