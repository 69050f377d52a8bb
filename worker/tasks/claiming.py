"""The loop that claims jobs while this worker has room. PostgreSQL decides which job is next."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from uuid import UUID

import structlog

from service.database.connection import Connection
from service.database.jobs import turns
from service.database.jobs.turns import Claimer
from service.domain.jobs import ClaimedJob
from service.portal_access.slots import PortalShare
from worker.shutdown import Shutdown

#: Jobs of one user in one worker. Leased slots limit their requests, so many of them may wait for the portal.
USER_JOBS_MAX = 50
JOBS_MAX = 2 * USER_JOBS_MAX  # in one worker; above this, only jobs of users who have none running
NEWCOMERS_MAX = 4 * USER_JOBS_MAX  # in one worker, with those
CLAIM_INTERVAL = 1.0  # seconds between two looks for a job without a message
#: Seconds from a message to a second look: a job may be committed while the message of another one is handled.
SECOND_LOOK = 0.2
ROOM_INTERVAL = 0.03  # seconds between two looks at whether this worker has room
PUT_OFF_PAUSE = 0.05  # seconds before the next claim after a job that had to be put off, doubled with each further one
PUT_OFF_PAUSE_MAX = 1.0  # seconds

Claim = Callable[[Connection], Awaitable[ClaimedJob | None]]
#: Claims a job and works on it. Sets the future as soon as it knows whether there is one. Returns False if it had to
#: put the job off.
ClaimAndRun = Callable[[Claim, "asyncio.Future[bool]"], Coroutine[Any, Any, bool]]


class ClaimLoop:
    """Claims one job after another, and runs each in a task of its own."""

    def __init__(self, share: PortalShare, shutdown: Shutdown, run: ClaimAndRun, *, job_concurrency: int) -> None:
        self._share = share
        self._shutdown = shutdown
        self._run = run
        self._job_concurrency = job_concurrency
        # Cases of one document use one slot each: many slots need many jobs.
        self._scale = max(1.0, 2 * share.total / USER_JOBS_MAX)
        self._running = 0
        self._of_user: Counter[UUID | None] = Counter()
        self._put_off = 0  # jobs in a row that were put off
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for a job now."""
        self._woken.set()

    async def claim_for_ever(self) -> None:
        """Claim until cancelled. Jobs that run go on; the shutdown ends them."""
        was_woken = False
        # Not `run_forever`: messages end the pauses, and an error of a claim stays in its own task.
        while True:
            self._woken.clear()
            while self._running < self._scale * NEWCOMERS_MAX and await self._claim():
                await self._slow_down()
            was_woken = await self._rest(SECOND_LOOK if was_woken else CLAIM_INTERVAL)

    async def _claim(self) -> bool:
        claimed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._running += 1
        with self._share.claiming():
            task = self._shutdown.start(self._work(claimed))
            task.add_done_callback(self._end)
            both: set[asyncio.Future[Any]] = {task, claimed}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return claimed.done() and claimed.result()

    def _claimer(self) -> Claimer:
        return Claimer(
            self._share.worker_id,
            self._share.total,
            self._job_concurrency,
            self._share.wants_more_work,
            # Jobs that wait for the portal use no slot: without a limit, those of one user would fill the worker.
            passed_over=[
                user_id
                for user_id, count in self._of_user.items()
                if user_id is not None and count >= self._scale * USER_JOBS_MAX
            ],
            newcomers_only=self._running > self._scale * JOBS_MAX,
        )

    async def _work(self, claimed: "asyncio.Future[bool]") -> None:
        job: ClaimedJob | None = None

        async def claim(connection: Connection) -> ClaimedJob | None:
            nonlocal job
            job = await turns.claim_next(connection, self._claimer())
            if job is not None:
                self._of_user[job.user_id] += 1
            return job

        try:
            went_on = await self._run(claim, claimed)
        finally:
            if job is not None:
                self._of_user[job.user_id] -= 1
        if claimed.done() and claimed.result():
            self._put_off = 0 if went_on else self._put_off + 1
            # Its user may have another job, and its slots are free.
            self.wake()

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._running -= 1
        if not task.cancelled() and (error := task.exception()) is not None:
            structlog.get_logger().error("job_not_run", exc_info=error)

    async def _slow_down(self) -> None:
        """If nothing works, jobs must not be claimed and put off as fast as possible."""
        if self._put_off:
            await asyncio.sleep(min(PUT_OFF_PAUSE * 2 ** min(self._put_off, 10), PUT_OFF_PAUSE_MAX))

    async def _rest(self, seconds: float) -> bool:
        """Wait for a message, for room, or for the next look. True if there was a message."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        while clock() < deadline:
            had_room = self._share.wants_more_work
            try:
                async with asyncio.timeout(ROOM_INTERVAL):
                    await self._woken.wait()
            except TimeoutError:
                if not had_room and self._share.wants_more_work:
                    return False
            else:
                return True
        return False
