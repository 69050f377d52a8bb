"""The loop that claims checks of watched cases while this worker may. PostgreSQL decides which case is next."""

import asyncio
from datetime import timedelta
from functools import partial

from service.database.connection import Connection
from service.database.monitors import pace, watches
from service.database.monitors.watches import Checker, ClaimedWatch
from service.domain.monitoring.check_times import period
from worker import lease
from worker.context import Context
from worker.loops.run_forever import run_forever
from worker.tasks.check_watch import check_watch, release

CHECK_INTERVAL = 1.0  # seconds between two looks for a case to check
CHECK_PAUSE = 0.05  # seconds; also after a look that failed


class CheckLoop:
    """Claims one check after another, and runs each in a task of its own."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._checker = Checker(context.limits.checks_at_once, context.limits.check_hours)
        self._running = 0
        self._count_at = float("-inf")
        self._ended = asyncio.Event()
        self._ended.set()

    async def check_for_ever(self) -> None:
        """Claim until cancelled. Checks that run go on; the shutdown ends them."""
        await run_forever(self._look, interval=CHECK_PAUSE, postponed="check_not_claimed", failed="checks_failed")

    async def _look(self) -> None:
        """Wait until another check may begin, and begin those that may."""
        await self._rest()
        self._ended.clear()
        await self._count()
        while self._running < self._checker.at_once and await self._begin():
            pass

    async def _count(self) -> None:
        """Count the watched cases from time to time: their number sets the pace."""
        now = asyncio.get_running_loop().time()
        if now < self._count_at:
            return
        async with self._context.database.connection() as connection:
            await pace.refresh_rate(connection, self._per_second)
        self._count_at = now + pace.RATE_LIFETIME.total_seconds()

    def _per_second(self, every: timedelta) -> float:
        """Checks per second of a case, while checks are made."""
        return 1 / period(every, self._checker.hours).total_seconds()

    async def _begin(self) -> bool:
        watch = await lease.claim(self._claim(), partial(release, self._context))
        if watch is None:
            return False
        self._running += 1
        task = self._context.shutdown.start(check_watch(self._context, watch))
        task.add_done_callback(self._end)
        return True

    async def _claim(self) -> ClaimedWatch | None:
        database = self._context.database

        async def claim(connection: Connection) -> ClaimedWatch | None:
            return await watches.claim_next(connection, self._checker)

        # Most looks find nothing, and need no transaction.
        return await database.run(claim) if await database.ask(watches.has_work) else None

    def _end(self, _task: "asyncio.Task[None]") -> None:
        self._running -= 1
        self._ended.set()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(CHECK_INTERVAL):
                await self._ended.wait()
        except TimeoutError:
            return
