"""Requests per second of the API, compared with the same status endpoint in FastAPI and SQLAlchemy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.local.simulator import CaseSpec, DocumentSpec
from tests.benchmarks.large_case import measure_large_case
from tests.benchmarks.place import Machine, Place, open_place
from tests.benchmarks.tools.clients import BENCH
from tests.benchmarks.tools.load import LoadResult, LoadTask, ask
from tests.benchmarks.tools.report import at_least
from tests.support.processes import Process, free_port, until_answered

SECONDS = 3.0  # of one run
ROUNDS = 3
CONNECTIONS = 8
COUNTS = (30, 1000)  # documents
#: No library says what the endpoint needs to be beaten by at 1,000 documents: only the first has a target.
TARGETS = {30: at_least(3)}


@asynccontextmanager
async def _equivalent(place: Place) -> AsyncIterator[str | None]:
    """The URL of the equivalent; None if it cannot be run."""
    if not (BENCH / "uvicorn").exists():
        place.machine.report.note("the FastAPI equivalent is left out: there is no .venv-bench")
        yield None
        return
    port = str(free_port())
    command = [str(BENCH / "uvicorn"), "tests.benchmarks.equivalent:app", "--port", port, "--no-access-log"]
    log = place.machine.new_directory() / "equivalent.log"
    process = Process([*command, "--loop", "uvloop", "--http", "httptools"], place.service.environment, log)
    try:
        await until_answered(f"http://127.0.0.1:{port}/docs", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        await process.stop()


async def _ask(place: Place, base_url: str, path: str) -> LoadResult:
    result = await ask(LoadTask(base_url + path, place.service.api.api_key or "", CONNECTIONS, SECONDS))
    assert result.milliseconds, "nothing was answered"
    assert not result.errors, f"{result.errors} errors"
    return result


async def _prepare(place: Place) -> dict[int, str]:
    """Complete cases by the number of their documents."""
    await place.add_worker()
    cases = {count: next(place.machine.numbers) for count in COUNTS}
    for count, number in cases.items():
        await place.portal.put_case(number, CaseSpec(documents=(DocumentSpec(size=2000, count=count),)))
    await place.download(list(cases.values()))
    await place.stop_workers()
    return cases


async def _measure(place: Place, name: str, servers: dict[str, str | None], path: str, documents: int) -> None:
    report = place.machine.report
    results: dict[str, list[LoadResult]] = {server: [] for server, url in servers.items() if url is not None}
    for _ in range(ROUNDS):
        for server, runs in results.items():
            runs.append(await _ask(place, servers[server] or "", path))
    rows = {}
    for server, runs in results.items():
        rows[server] = report.measured(f"{name}, {server}", "requests/s", *(run.rate for run in runs))
        report.measured(f"{name}, {server}", "ms, p50", *(run.percentile(0.5) for run in runs))
        report.measured(f"{name}, {server}", "ms, p99", *(run.percentile(0.99) for run in runs))
    if "FastAPI" in rows:
        report.compared(rows["autos"], rows["FastAPI"], TARGETS.get(documents))


async def measure(machine: Machine) -> None:
    """The status of a small and of a large case, and the main entry."""
    async with open_place(machine, PDPJ_MAX_CONCURRENCY="50", DOWNLOAD_CONCURRENCY="10") as place:
        cases = await _prepare(place)
        ours = place.service.api.base_url
        async with _equivalent(place) as theirs:
            for count, number in cases.items():
                path = f"/api/v1/processes/{number}/status"
                servers = {"autos": ours, "FastAPI": theirs}
                await _measure(place, f"status of {count} documents", servers, path, count)
        path = f"/api/v1/processes/{cases[COUNTS[0]]}"
        await _measure(place, "main entry, 30 documents", {"autos": ours}, path, 0)
    await measure_large_case(machine)
