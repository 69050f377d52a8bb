"""The loop of a worker that takes jobs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import MagicMock
from uuid import uuid4

from service.queue import Patience
from tests.support.loop_clock import running_loop_clock
from tests.unit.test_gate import settled
from worker.claiming import JOBS_MAX, LOOK_INTERVAL, PUT_OFF_PAUSE_MAX, SECOND_LOOK, ClaimLoop
from worker.drain import Drain


class Jobs:
    """So many jobs wait. Each is put off at once, or runs until it is cancelled."""

    def __init__(self, waiting: int, *, works: bool) -> None:
        self.waiting = waiting
        self.looks = self.claimed = 0
        self._works = works

    async def run(self, _claim: Any, claimed: "asyncio.Future[bool]") -> bool:
        self.looks += 1
        has_job = self.waiting > 0
        claimed.set_result(has_job)
        if not has_job:
            return True
        self.waiting -= 1
        self.claimed += 1
        if self._works:
            await asyncio.Event().wait()
        return self._works


@asynccontextmanager
async def claiming(jobs: Jobs) -> AsyncIterator[ClaimLoop]:
    drain = Drain(Patience())
    share = MagicMock(worker_id=uuid4(), total=10, wants_more_work=False)
    loop = ClaimLoop(share, drain, jobs.run, job_concurrency=5)
    task = drain.start(loop.claim_for_ever())
    await settled()
    yield loop
    running = [task, *drain._started]  # noqa: SLF001  (to leave nothing behind)
    for each in running:
        each.cancel()
    await asyncio.wait(running)


async def test_jobs_that_cannot_go_on_are_not_taken_as_fast_as_possible() -> None:
    jobs = Jobs(100_000, works=False)
    with running_loop_clock() as clock:
        async with claiming(jobs):
            for _ in range(100):
                clock.put_forward(PUT_OFF_PAUSE_MAX / 10)
                await settled()

            # Ten seconds.
            assert 10 <= jobs.claimed <= 40


async def test_jobs_that_go_on_are_taken_until_none_waits() -> None:
    jobs = Jobs(7, works=True)
    async with claiming(jobs):
        for _ in range(10):
            await settled()

        assert (jobs.claimed, jobs.looks) == (7, 8)


async def test_a_worker_takes_no_more_than_it_can_hold() -> None:
    jobs = Jobs(2 * JOBS_MAX, works=True)
    async with claiming(jobs):
        for _ in range(10):
            await settled()

        assert jobs.claimed == JOBS_MAX


async def test_a_message_is_followed_by_two_looks_and_without_one_there_is_a_look_now_and_then() -> None:
    jobs = Jobs(0, works=True)
    with running_loop_clock() as clock:
        async with claiming(jobs) as loop:
            loop.wake()
            await settled()
            assert jobs.looks == 2
            # Committed while the message of another job was taken.
            jobs.waiting = 1
            clock.put_forward(SECOND_LOOK)
            await asyncio.sleep(0.05)
            assert jobs.claimed == 1
            jobs.waiting = 1
            clock.put_forward(LOOK_INTERVAL)
            await asyncio.sleep(0.05)
            assert jobs.claimed == 2
