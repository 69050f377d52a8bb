"""The claim loop of a worker."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock
from uuid import uuid4

import pytest

from service.database.jobs import turns
from service.database.jobs.turns import Claimer
from service.queue.task_queue import RetryUntilShutdown
from tests.support.loop_clock import running_loop_clock
from tests.unit.portal.test_gate import settled
from worker.shutdown import Shutdown
from worker.tasks.claiming import (
    CLAIM_INTERVAL,
    NEWCOMERS_MAX,
    PUT_OFF_PAUSE_MAX,
    SECOND_LOOK,
    USER_JOBS_MAX,
    ClaimLoop,
)


class Jobs:
    """`waiting` pending jobs. Each is postponed at once, or runs until it is cancelled."""

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


class UserJobs:
    """Pending jobs of each user, in this order of users. None of them ends."""

    def __init__(self, **waiting: int) -> None:
        self.users = {name: uuid4() for name in waiting}
        self.waiting = waiting
        self.running: Counter[str] = Counter()

    async def claim_next(self, _connection: Any, claimer: Claimer) -> Any:
        """Claim as PostgreSQL does for a worker with free slots."""
        for name, user_id in self.users.items():
            is_let_in = not (claimer.newcomers_only and self.running[name])
            if self.waiting[name] > self.running[name] and user_id not in claimer.passed_over and is_let_in:
                self.running[name] += 1
                return SimpleNamespace(user_id=user_id)
        return None

    async def run(self, claim: Any, claimed: "asyncio.Future[bool]") -> bool:
        job = await claim(None)
        claimed.set_result(job is not None)
        if job is not None:
            await asyncio.Event().wait()
        return True


@asynccontextmanager
async def claiming(jobs: Jobs | UserJobs, *, total: int = 10) -> AsyncIterator[ClaimLoop]:
    shutdown = Shutdown(RetryUntilShutdown())
    share = MagicMock(worker_id=uuid4(), total=total, wants_more_work=False)
    loop = ClaimLoop(share, shutdown, jobs.run, job_concurrency=5)
    task = shutdown.start(loop.claim_for_ever())
    await settled()
    yield loop
    running = [task, *shutdown._started]  # noqa: SLF001  (to leave nothing behind)
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


async def running(jobs: UserJobs, monkeypatch: pytest.MonkeyPatch, *, total: int = 10) -> Counter[str]:
    monkeypatch.setattr(turns, "claim_next", jobs.claim_next)
    async with claiming(jobs, total=total):
        for _ in range(100):
            await settled()
    return jobs.running


async def test_jobs_of_one_user_that_do_not_go_on_do_not_fill_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = UserJobs(many=300, few=5, last=1)

    assert await running(jobs, monkeypatch) == {"many": USER_JOBS_MAX, "few": 5, "last": 1}


async def test_a_worker_that_is_full_takes_one_job_of_each_new_user(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = UserJobs(first=300, second=300, third=300, fourth=300)

    assert await running(jobs, monkeypatch) == {
        "first": USER_JOBS_MAX,
        "second": USER_JOBS_MAX,
        "third": 1,
        "fourth": 1,
    }


async def test_a_worker_takes_no_more_than_it_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = UserJobs(**{str(number): 1 for number in range(2 * NEWCOMERS_MAX)})

    assert (await running(jobs, monkeypatch)).total() == NEWCOMERS_MAX


async def test_a_worker_with_many_slots_takes_as_many_cases_of_one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = UserJobs(only=1000)

    assert (await running(jobs, monkeypatch, total=200))["only"] >= 200


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
            clock.put_forward(CLAIM_INTERVAL)
            await asyncio.sleep(0.05)
            assert jobs.claimed == 2
