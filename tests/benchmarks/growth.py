"""Costs grow linearly with the work, and not with the size of the database."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote
from uuid import UUID

from service.database.connection import Database, create_database
from service.database.deliveries import overdue
from service.database.jobs import jobs
from service.local.simulator import CaseSpec, DocumentSpec
from tests.benchmarks.place import Machine, Place, open_place
from tests.benchmarks.tools.report import Row, at_most
from tests.support.database.many_cases import add_cases, number_of

DOCUMENTS = (10, 100, 1000, 4000)  # of one case that is downloaded
ASKED = (10, 100, 1000, 10_000)  # of one case whose status is asked for
CASES = (100, 1000, 10_000, 100_000)
FULL = 1000  # cases from which on a page is full
OF_EACH = 2  # documents
Call = Callable[[], Awaitable[object]]
REPEATED = 200
IN_FLIGHT = 8
STRAIGHT = at_most(1.5)  # the largest by the one before it, or by the smallest where nothing may grow
PATHS: Mapping[str, str] = {
    "status": f"/{number_of(50).masked}/status",
    "list": "?limit=20",
    "list by court": "?limit=20&court=TRF3",
    "list of completed": "?limit=20&status=completed",
    "list of failed": "?limit=20&status=failed",
    "list of processing": "?limit=20&status=processing",
    "list without documents": "?limit=20&has_documents=false",
    "list by change": f"?limit=20&updated_since={quote(datetime.now(UTC).isoformat())}",
}


@dataclass(frozen=True)
class Side:
    """A service that only gets requests, and its database."""

    place: Place
    database: Database
    owner: UUID

    async def fill(self, first: int, last: int, *, documents: int = OF_EACH) -> None:
        """Add the cases at these positions."""
        async with self.database.transaction() as connection:
            await add_cases(connection, self.owner, first=first, last=last, documents=documents)
        async with self.database.connection() as connection:
            await connection.execute("VACUUM ANALYZE")

    def questions(self) -> Mapping[str, Call]:
        """The requests by their names."""
        get = self.place.service.api.get
        calls: dict[str, Call] = {name: partial(get, f"/api/v1/processes{path}") for name, path in PATHS.items()}
        return calls | {"metrics": partial(get, "/metrics"), "sweep": self._sweep}

    async def _sweep(self) -> None:
        async with self.database.connection() as connection:
            await jobs.release_expired(connection, limit=200)
            await jobs.release_delayed(connection, limit=200)
            await overdue.take_overdue(connection)


@asynccontextmanager
async def _side(machine: Machine) -> AsyncIterator[Side]:
    async with open_place(machine) as place:
        database = create_database(place.service.database_url, application_name="bench", max_size=2)
        await database.connect()
        try:
            async with database.connection() as connection:
                owner = await connection.fetch_val("SELECT id FROM users")
            yield Side(place, database, owner)
        finally:
            await database.close()


async def _per_call(*calls: Call, times: int = REPEATED) -> list[float]:
    """The best milliseconds of each call: noise only adds time. The calls take turns, because machines change speed.

    Several calls at once: a single one mostly measures how long idle cores take to wake up.
    """
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(max(2, times // IN_FLIGHT)):
        for call, milliseconds in zip(calls, found, strict=True):
            begin = time.perf_counter()
            await asyncio.gather(*(call() for _ in range(IN_FLIGHT)))
            milliseconds.append((time.perf_counter() - begin) * 1000 / IN_FLIGHT)
    return [min(milliseconds) for milliseconds in found]


async def _downloads(place: Place) -> None:
    report, rows = place.machine.report, {}
    await place.add_worker()
    for count in DOCUMENTS:
        number = next(place.machine.numbers)
        await place.portal.put_case(number, CaseSpec(documents=(DocumentSpec(size=2000, count=count),)))
        milliseconds = await place.download([number]) / count * 1000
        rows[count] = report.measured(f"downloading {count} documents", "ms each", milliseconds)
    await place.stop_workers()
    report.compared(rows[DOCUMENTS[-1]], rows[DOCUMENTS[-2]], STRAIGHT)


async def _statuses(side: Side) -> None:
    report, rows = side.place.machine.report, {}
    for position, count in enumerate(ASKED, 9_000_000):
        await side.fill(position, position, documents=count)
        path = f"/api/v1/processes/{number_of(position).masked}/status"
        times = REPEATED * 100 // (count + 100)
        [milliseconds] = await _per_call(partial(side.place.service.api.get, path), times=times)
        rows[count] = report.measured(f"status of {count} documents", "ms", milliseconds)
    each = [Row(report.section, f"{count} documents, each", "ms", [rows[count].median / count]) for count in ASKED]
    report.compared(each[-1], each[-2], STRAIGHT)


async def _lists(full: Side, growing: Side) -> None:
    report, filled = full.place.machine.report, 0
    await full.fill(1, FULL)
    for cases in CASES:
        await growing.fill(filled + 1, cases)
        filled = cases
        for name, call in growing.questions().items():
            beside = full.questions()[name]
            ours, theirs = await _per_call(call, beside)
            row = report.measured(f"{name}, {cases} cases", "ms", ours)
            if cases == CASES[-1]:
                report.compared(row, Row(report.section, f"{FULL} cases", "ms", [theirs]), STRAIGHT)


async def measure(machine: Machine) -> None:
    """Measure growth with the documents of a case, then with the cases of the database."""
    machine.report.note("the best of up to 25 times 8 calls; at most 4,000 documents are downloaded")
    async with open_place(machine, PDPJ_MAX_CONCURRENCY="10") as place:
        await _downloads(place)
    async with _side(machine) as full, _side(machine) as growing:
        await _lists(full, growing)
        await _statuses(growing)
