"""Claims of many workers at once, with half a million pending jobs: how many per second, and the pages of each."""

import asyncio
import time
from collections.abc import Sequence
from typing import cast
from uuid import UUID, uuid4

from service.database import positions
from service.database.connection import Connection, Database
from service.database.jobs import jobs, turns
from service.database.jobs.turns import Claimer
from service.domain.events import Counts
from service.domain.statuses import JobStatus
from tests.benchmarks.place import Machine, new_database
from tests.benchmarks.tools.report import Row, at_most
from tests.support.database.plans import Explained
from tests.support.database.turns import Turns
from tests.support.database.waiting_jobs import add_waiting
from tests.support.deliveries.deliveries import open_pool

USERS, CLAIMERS = 50, 16
WAITING = (5_000, 500_000)  # jobs
SECONDS = 5.0  # of claims
BUFFERS_MAX = 200  # pages of 8 KiB of a claim
POSITION_BUFFERS_MAX = 400
READ = 10  # claims of each claimer whose pages are counted


async def _claim(database: Database, until: float) -> int:
    """Claim and end jobs until a time, and return how many."""
    claimer, count = Claimer(uuid4(), 10, 5, wants_more=True), 0
    async with database.connection() as connection:
        while time.monotonic() < until:
            if (job := await turns.claim_next(connection, claimer)) is not None:
                await jobs.end(connection, job.id, JobStatus.COMPLETED, Counts(0, 0, 0))
                count += 1
    return count


async def _read(database: Database) -> list[int]:
    """The pages that concurrent claims read."""
    async with database.connection() as connection:
        explained = Explained(connection)
        for _ in range(READ):
            await turns.claim_next(cast(Connection, explained), Claimer(uuid4(), 10, 5, wants_more=True))
    return [plan.buffers for plan in explained.plans]


async def _positions(database: Database, job_ids: Sequence[UUID]) -> int:
    async with database.connection() as connection:
        explained = Explained(connection)
        for job_id in job_ids:
            await positions.position(cast(Connection, explained), job_id)
    return max(plan.buffers for plan in explained.plans)


async def _with(machine: Machine, waiting: int) -> Row:
    async with open_pool(await new_database(machine.stack), CLAIMERS + 1) as database:
        await add_waiting(database, await Turns(database).users(USERS), waiting)
        ends = time.monotonic() + SECONDS
        claimed = await asyncio.gather(*(_claim(database, ends) for _ in range(CLAIMERS)))
        read = [
            pages for of_one in await asyncio.gather(*(_read(database) for _ in range(CLAIMERS))) for pages in of_one
        ]
        last = await Turns(database).fetch("SELECT job_id FROM job_queue ORDER BY lane DESC, created_at DESC LIMIT 5")
        most = await _positions(database, [row["job_id"] for row in last])
    name, report = f"{waiting} jobs wait, {CLAIMERS} claim", machine.report
    report.measured(f"{name}, claims and ends", "a second", sum(claimed) / SECONDS)
    # Thousands of claims in seconds leave more dead rows than vacuum removes: the maximum has no target.
    report.measured(f"{name}, a claim reads", "pages, p50", *read, target=at_most(BUFFERS_MAX))
    report.measured(f"{name}, a position reads", "pages at most", most, target=at_most(POSITION_BUFFERS_MAX))
    return report.measured(f"{name}, a claim and end", "ms", CLAIMERS * SECONDS * 1000 / sum(claimed))


async def measure(machine: Machine) -> None:
    """The same with few and with many pending jobs."""
    few, many = [await _with(machine, waiting) for waiting in WAITING]
    machine.report.compared(many, few, at_most(1.5))
