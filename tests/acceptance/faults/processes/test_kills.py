"""Workers killed with SIGKILL while they work: every job ends, and what was available is not downloaded again."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from service.database.jobs.jobs import JOB_LEASE
from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.acceptance.faults.conftest import Numbers
from tests.support.database.workload import Place, plain
from tests.support.service import Service

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

NEVER_ENDS = Fault(kind=FaultKind.SLOW_DRIP, times=FOR_EVER, seconds=0.5)
IN_FLIGHT = timedelta(seconds=0.1)  # in which a statement that a frozen worker had sent is through


@dataclass
class LeaseWatch:
    """Records every lease of every job, and how long a job was without an owner that renews."""

    service: Service
    gaps: list[timedelta] = field(default_factory=list)
    _renewed: dict[UUID, tuple[UUID, datetime]] = field(default_factory=dict)

    async def watch(self) -> None:
        """Poll until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(0.2)

    async def takeovers(self, count: int) -> None:
        """Wait until this many leases passed to another worker."""
        async with asyncio.timeout(60):
            while len(self.gaps) < count:  # noqa: ASYNC110  (`watch` looks beside this)
                await asyncio.sleep(0.1)

    async def look(self) -> None:
        """Record every lease that is held now."""
        for row in await self.service.fetch(
            "SELECT id, lease_token, lease_expires_at - $1::interval AS renewed_at FROM jobs"
            " WHERE lease_token IS NOT NULL",
            JOB_LEASE,
        ):
            self._see(row["id"], row["lease_token"], row["renewed_at"])

    def _see(self, job: UUID, token: UUID, renewed_at: datetime) -> None:
        before, last = self._renewed.get(job, (token, renewed_at))
        self._renewed[job] = (token, renewed_at)
        if before != token:
            self.gaps.append(renewed_at - last)


@dataclass
class Kills:
    """Kills workers, and records which documents were available or may have been in flight each time."""

    place: Place
    watch: LeaseWatch
    available: dict[UUID, datetime] = field(default_factory=dict)
    in_flight: Counter[tuple[str, str]] = field(default_factory=Counter)
    count: int = 0

    async def kill(self) -> None:
        """Kill the oldest worker, and start another one."""
        victim = self.place.service.workers.pop(0)
        # Frozen first, so that the database has the state at its end.
        victim.send(signal.SIGSTOP)
        await asyncio.sleep(IN_FLIGHT.total_seconds())
        await self.watch.look()
        await self._look()
        victim.send(signal.SIGKILL)
        assert await victim.ended() == -signal.SIGKILL
        self.count += 1
        await self.place.service.add_worker()

    async def _look(self) -> None:
        for row in await self._documents():
            if row["status"] == "available":
                self.available.setdefault(row["id"], row["completed_at"])
            else:
                # Started or not: a worker writes that while bytes already arrive.
                self.in_flight[row["process_number"], row["origin_id"]] += 1

    async def _documents(self) -> list[Any]:
        return await self.place.service.fetch(
            "SELECT id, process_number, origin_id, status, completed_at FROM documents"
        )

    async def expect_nothing_redone(self, numbers: list[str]) -> int:
        """Documents that were available at a kill are unchanged. Returns how many others were downloaded twice."""
        after = {row["id"]: row["completed_at"] for row in await self._documents()}
        assert {each: after[each] for each in self.available} == self.available
        again = {each: times - 1 for each, times in (await self.place.downloads(numbers)).items() if times > 1}
        for (number, origin), times in again.items():
            assert times <= self.in_flight[plain([number])[0], origin], f"{origin} of {number} was available"
        return sum(again.values())


async def run_with_kills(place: Place, numbers: Numbers, *, turns: int, jobs: int, documents: int, workers: int) -> str:
    seed = random.randrange(1_000_000)  # noqa: S311  (moments, not secrets)
    moments = random.Random(seed)  # noqa: S311  (as above)
    watch, cases = LeaseWatch(place.service), list[str]()
    kills = Kills(place, watch)
    await place.portal.configure(latency_binary_ms=30)
    await asyncio.gather(*(place.service.add_worker() for _ in range(workers)))
    watching = asyncio.create_task(watch.watch())
    for _turn in range(turns):
        # As many as the other workers have slots for: a job that waits for a slot has no owner.
        unfinished = await place.service.fetch("SELECT 1 FROM jobs WHERE status IN ('pending', 'processing')")
        batch = numbers.take(jobs - len(unfinished))
        cases += batch
        await place.put_cases(batch, DocumentSpec(count=documents, size=3000))
        await place.request(batch)
        await asyncio.sleep(moments.uniform(0.2, 4.0))
        await kills.kill()
        # Not faster than the others take over the killed worker's slots at the portal.
        await place.service.until("SELECT 1 FROM portal_shares HAVING count(*) <= $1", workers)
    await place.ended(cases, timeout=240)
    watching.cancel()
    return f"{await expect_nothing_lost(kills, cases, documents=documents)}; seed {seed}"


async def expect_nothing_lost(kills: Kills, cases: list[str], *, documents: int) -> str:
    """Everything has ended, and jobs without an owner soon had one. Returns the figures."""
    figures = await kills.place.expect_all_done_once(cases)
    again = await kills.expect_nothing_redone(cases)
    gaps = kills.watch.gaps
    assert figures["documents"] == len(cases) * documents
    assert gaps
    assert max(gaps) < timedelta(seconds=30), sorted(gaps)[-10:]
    return (
        f"{kills.count} SIGKILL, {figures['jobs']} jobs, {figures['documents']} documents, 0 lost; {again} documents"
        f" downloaded again (in flight at a kill); {figures['events posted twice']} events posted twice, under the"
        f" same id; {len(gaps)} takeovers, longest {max(gaps).total_seconds():.1f} s"
    )


async def test_a_worker_that_is_killed_is_replaced(place: Place, numbers: Numbers, note: Callable[[str], None]) -> None:
    cases, watch = numbers.take(4), LeaseWatch(place.service)
    kills = Kills(place, watch)
    await place.put_cases(cases, DocumentSpec(count=20, size=3000), DocumentSpec(origin_id="last", size=400_000))
    # No job can end before the kill, so each has a lease then.
    await asyncio.gather(*(place.portal.fail_document(case, "last", NEVER_ENDS) for case in cases))
    await place.service.add_worker()
    await place.request(cases)
    await place.service.until("SELECT 1 FROM jobs HAVING count(lease_token) = $1", len(cases))
    await place.service.until("SELECT 1 FROM documents WHERE status = 'available'")

    watching = asyncio.create_task(watch.watch())
    await asyncio.gather(*(place.portal.hold(case, "last") for case in cases))
    await kills.kill()
    # No job can end before its new lease was seen.
    await watch.takeovers(len(cases))
    await asyncio.gather(*(place.portal.let_go(case, "last") for case in cases))

    await place.ended(cases, timeout=240)
    watching.cancel()
    note(await expect_nothing_lost(kills, cases, documents=21))
    assert len(watch.gaps) == len(cases)


@pytest.mark.long
@pytest.mark.timeout(420)
async def test_workers_that_are_killed_at_twenty_random_moments_lose_and_double_nothing(
    place: Place, numbers: Numbers, note: Callable[[str], None]
) -> None:
    note(await run_with_kills(place, numbers, turns=20, jobs=20, documents=30, workers=2))
