"""`make bench-scale`: the queries of the service with a million cases, compared with ten thousand.

`SCALE` is the number of cases, each of ten documents. A million of them takes 10 GB of disk below `.autos` and
twenty minutes. Exits with 1 if a statement takes more than one and a half times as long.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import asyncpg

from service.database import migrations, retention
from service.database.connection import Connection, Database, create_database
from service.database.jobs import job_retention
from service.database.users import deleted_users
from service.local.stack import Stack, running_stack
from tests.benchmarks.tools.report import Report, Row, at_most
from tests.integration.database.test_plans import QUESTIONS
from tests.support.database.plans import Explained
from tests.support.processes import REPOSITORY
from tests.support.servers.full_database import fill

SMALL = 10_000  # cases
DOCUMENTS = 10  # of each
TIMES = 30
LIMIT = at_most(1.5)
FLOOR = 0.15  # milliseconds; below, the round trip to the server takes longer than the statement
Ask = Callable[[Connection, UUID], Awaitable[object]]
Side = tuple[Database, UUID]  # a full database and one of its users
DAYS = timedelta(days=1)

#: The questions of the tests of plans, but for those whose work depends on how old the cases are.
ASKED: dict[str, Ask] = {name: ask for name, ask in QUESTIONS.items() if not name.startswith("retention")} | {
    "retention: deliveries": lambda connection, _owner: retention.remove_deliveries(connection, older_than=DAYS),
    "retention: jobs": lambda connection, _owner: job_retention.remove_jobs(connection, older_than=DAYS),
    "deletion of a user's deliveries": deleted_users.end_deliveries,
}


@asynccontextmanager
async def _undone(database: Database) -> AsyncIterator[Connection]:
    """A transaction that is rolled back."""
    async with database.connection() as connection:
        transaction = connection.raw_connection.transaction()
        await transaction.start()
        try:
            yield connection
        finally:
            await transaction.rollback()


async def _once(database: Database, owner: UUID, ask: Ask) -> float:
    """The milliseconds of one query."""
    async with _undone(database) as connection:
        begin = time.perf_counter()
        await ask(connection, owner)
        return (time.perf_counter() - begin) * 1000


async def _rows(database: Database, owner: UUID, ask: Ask) -> int:
    """The rows that the statements of one query read."""
    async with _undone(database) as connection:
        explained = Explained(connection)
        await ask(cast(Connection, explained), owner)
        return sum(plan.rows for plan in explained.plans)


@asynccontextmanager
async def _full(stack: Stack, cases: int, report: Report) -> AsyncIterator[Side]:
    name = f"scale_{cases}"
    server = await asyncpg.connect(stack.endpoints.database_url)
    await server.execute(f"CREATE DATABASE {name}")
    await server.close()
    url = f"{stack.endpoints.database_url.rpartition('/')[0]}/{name}"
    migrations.apply(url)
    database = create_database(url, application_name="bench", max_size=1)
    await database.connect()
    try:
        begin = time.monotonic()
        owner = await fill(database, cases, documents=DOCUMENTS)
        async with database.connection() as connection:
            size = await connection.fetch_val("SELECT pg_database_size(current_database()) / 1e9")
        report.note(f"{cases} cases: {size:.1f} GB, filled in {time.monotonic() - begin:.0f} s")
        yield database, owner
    finally:
        await database.close()


async def measure(stack: Stack, report: Report, cases: int) -> None:
    """Measure each query on both databases in turn, because machines change speed."""
    report.begin("scale")
    async with _full(stack, SMALL, report) as small, _full(stack, cases, report) as large:
        for name, ask in ASKED.items():
            best = await _best(small, large, ask)
            rows = [await _rows(*side, ask) for side in (small, large)]
            own = Row(report.section, f"{name}: {best[1]:.2f} ms, {rows[1]} rows", "ms", [max(FLOOR, best[1])])
            base = Row(report.section, f"{best[0]:.2f} ms, {rows[0]} rows", "ms", [max(FLOOR, best[0])])
            report.compared(own, base, LIMIT)


async def _best(small: Side, large: Side, ask: Ask) -> list[float]:
    """The best milliseconds of both: noise only adds time. They take turns, because machines change speed."""
    taken = [[await _once(*side, ask) for side in (small, large)] for _ in range(TIMES)]
    return [min(each) for each in zip(*taken, strict=True)]


def main() -> int:
    """The exit code."""
    cases, report = int(os.environ.get("SCALE", "1000000")), Report()
    scratch = REPOSITORY / ".autos"
    scratch.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="scale-", dir=scratch) as directory,
        running_stack(Path(directory) / "stack") as stack,
    ):
        asyncio.run(measure(stack, report, cases))
    report.write(scratch / "scale.json")
    print(f"\n{len(report.missed)} targets not reached", flush=True)  # noqa: T201  (a command's output)
    return int(bool(report.missed))


if __name__ == "__main__":
    sys.exit(main())
