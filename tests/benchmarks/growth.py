"""Costs grow in a straight line with the work, and not at all with what lies in the database."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote
from uuid import UUID

from service.database import deliveries, jobs
from service.database.connection import Database, create_database
from service.local.portal import CaseSpec, DocumentSpec
from tests.benchmarks.place import Machine, Place, open_place
from tests.benchmarks.report import Row, at_most
from tests.support.many_cases import add_cases, number_of

DOCUMENTS = (10, 100, 1000, 4000)  # of one case that is downloaded
ASKED = (10, 100, 1000, 10_000)  # of one case whose status is asked for
CASES = (100, 1000, 10_000, 100_000)
OF_EACH = 2  # documents
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


async def _per_call(call: Callable[[], Awaitable[object]], times: int = REPEATED) -> float:
    """Milliseconds of each of several at once, at best: what disturbs them only ever adds.

    One alone would mostly tell how long this machine's cores take to wake up.
    """
    found = []
    for _ in range(max(2, times // IN_FLIGHT)):
        begin = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(IN_FLIGHT)))
        found.append((time.perf_counter() - begin) * 1000 / IN_FLIGHT)
    return min(found)


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


async def _statuses(place: Place, database: Database, owner: UUID) -> None:
    report, rows = place.machine.report, {}
    for position, count in enumerate(ASKED, 9_000_000):
        async with database.transaction() as connection:
            await add_cases(connection, owner, first=position, last=position, documents=count)
        path = f"/api/v1/processes/{number_of(position).masked}/status"
        times = REPEATED * 100 // (count + 100)
        milliseconds = await _per_call(partial(place.service.api.get, path), times)
        rows[count] = report.measured(f"status of {count} documents", "ms", milliseconds)
    each = [Row(report.section, f"{count} documents, each", "ms", [rows[count].median / count]) for count in ASKED]
    report.compared(each[-1], each[-2], STRAIGHT)


async def _lists(place: Place, database: Database, owner: UUID) -> None:
    report, filled = place.machine.report, 0
    found: dict[str, list[Row]] = {}
    for cases in CASES:
        async with database.transaction() as connection:
            await add_cases(connection, owner, first=filled + 1, last=cases, documents=OF_EACH)
        filled = cases
        async with database.connection() as connection:
            await connection.execute("VACUUM ANALYZE")
        for name, call in _questions(place, database).items():
            row = report.measured(f"{name}, {cases} cases", "ms", await _per_call(call))
            found.setdefault(name, []).append(row)
    for rows in found.values():
        report.compared(rows[-1], rows[1], STRAIGHT)  # from there on a page is full


def _questions(place: Place, database: Database) -> dict[str, Callable[[], Awaitable[object]]]:
    api = place.service.api

    async def sweep() -> None:
        async with database.connection() as connection:
            await jobs.take_overdue(connection)
            await deliveries.take_overdue(connection)

    calls = {name: partial(api.get, f"/api/v1/processes{path}") for name, path in PATHS.items()}
    return {**calls, "metrics": partial(api.get, "/metrics"), "sweep": sweep}


async def measure(machine: Machine) -> None:
    """Documents of a case, then cases of the database."""
    machine.report.note("the best of up to 25 times 8 calls; at most 4,000 documents are downloaded")
    async with open_place(machine, PDPJ_MAX_CONCURRENCY="10") as place:
        await _downloads(place)
    async with open_place(machine) as place:
        database = create_database(place.service.database_url, application_name="bench", max_size=2)
        await database.connect()
        try:
            async with database.connection() as connection:
                owner = await connection.fetch_val("SELECT id FROM users")
            await _lists(place, database, owner)
            await _statuses(place, database, owner)
        finally:
            await database.close()
