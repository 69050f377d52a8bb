"""Many cases requested at once, and several workers."""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

from service.local.simulator import CaseSpec, DocumentSpec
from tests.benchmarks.place import Machine, Place, open_place
from tests.benchmarks.tools.load import LoadResult, LoadTask, ask, asking
from tests.benchmarks.tools.report import Row, at_least, at_most
from tests.benchmarks.tools.resources import forget_peak, resident
from tests.support.processes import Process

SIZE = 20_000  # bytes of each document
IDLE = 5.0  # seconds
QUIET = 8.0  # seconds until memory that is free has gone back
ASKING = 0.05  # seconds between two requests of the one who watches
# Slower than the real portal: at 430 ms the two cores limit four workers, at 110 documents a second.
SCALED_CASES, SCALED_DOCUMENTS, SCALED_LATENCY = 80, 5, 1500.0
WORKERS = (1, 2, 4)


@dataclass(frozen=True)
class Crowd:
    """Cases that are requested at once, and their documents."""

    cases: int
    documents: int
    memory: float | None  #: MiB that neither process may come to


CROWDS = (Crowd(100, 31, 300), Crowd(1000, 5, None))


def _spec(count: int) -> CaseSpec:
    return CaseSpec(documents=(DocumentSpec(size=SIZE, count=count),))


async def _put(place: Place, count: int, documents: int) -> list[str]:
    numbers = [next(place.machine.numbers) for _ in range(count)]
    for number in numbers:
        await place.portal.put_case(number, _spec(documents))
    return numbers


async def _request(place: Place, numbers: Sequence[str]) -> int:
    """Request all cases at once, and return how many were refused."""
    answers = await asyncio.gather(*(place.service.api.process(number) for number in numbers))
    return sum(answer.status not in {200, 202} for answer in answers)


def _watching(place: Place, number: str, seconds: float | None) -> LoadTask:
    url = f"{place.service.api.base_url}/api/v1/processes/{number}/status"
    return LoadTask(url, place.service.api.api_key or "", 1, seconds, pause=ASKING)


async def _crowd(place: Place, crowd: Crowd, watched: str, idle: LoadResult) -> None:
    numbers = await _put(place, crowd.cases, crowd.documents)
    processes = {"API": place.service.apis[0], "worker": place.service.workers[0]}
    before = {name: resident(each.pid) for name, each in processes.items()}
    for each in processes.values():
        forget_peak(each.pid)
    async with asking(_watching(place, watched, None)) as end:
        begin = time.monotonic()
        refused = await _request(place, numbers)
        await place.ended(numbers)
        seconds, meanwhile = time.monotonic() - begin, await end()
    report, name = place.machine.report, f"{crowd.cases} x {crowd.documents}"
    report.measured(f"{name}, all complete after", "s", seconds)
    report.measured(f"{name}, requests refused", "", refused + meanwhile.errors, target=at_most(0))
    report.measured(f"{name}, status meanwhile", "ms, p50", meanwhile.percentile(0.5))
    ours = report.measured(f"{name}, status meanwhile", "ms, p99", meanwhile.percentile(0.99))
    report.measured(f"{name}, status meanwhile", "ms at most", meanwhile.percentile(1))
    report.compared(ours, Row(report.section, "idle", "ms", [idle.percentile(0.99)]), at_most(10))
    await _tell_memory(place, crowd, processes, before)


async def _tell_memory(place: Place, crowd: Crowd, processes: dict[str, Process], before: dict[str, float]) -> None:
    report, name = place.machine.report, f"{crowd.cases} x {crowd.documents}"
    peaks = {each: resident(process.pid, "VmHWM") for each, process in processes.items()}
    await asyncio.sleep(QUIET)
    for each, process in processes.items():
        limit = None if crowd.memory is None else at_most(crowd.memory)
        report.measured(f"{name}, memory of the {each}", "MiB at most", peaks[each], target=limit)
        after = report.measured(f"{name}, memory of the {each}", "MiB afterwards", resident(process.pid))
        target = at_most(1.2) if each == "worker" else None
        report.compared(after, Row(report.section, "before", "MiB", [before[each]]), target)


async def _crowds(machine: Machine) -> None:
    async with open_place(machine, PDPJ_MAX_CONCURRENCY="10") as place:
        await place.add_worker()
        # One case warms both processes up; its status is requested meanwhile.
        [watched] = await _put(place, 1, 31)
        await place.download([watched])
        idle = await ask(_watching(place, watched, IDLE))
        machine.report.measured("idle, status", "ms, p50", idle.percentile(0.5))
        machine.report.measured("idle, status", "ms, p99", idle.percentile(0.99))
        for crowd in CROWDS:
            await _crowd(place, crowd, watched, idle)


async def _scaled(place: Place, workers: int) -> float:
    """Seconds for the same cases, from the time at which all workers may start."""
    await place.portal.configure(latency_binary_ms=0)
    numbers = await _put(place, SCALED_CASES, SCALED_DOCUMENTS)
    running = [await place.service.add_worker() for _ in range(workers)]
    await asyncio.sleep(2.5)  # until they share the places at the portal
    for each in running:
        each.send(signal.SIGSTOP)
    await _request(place, numbers)
    await place.portal.configure(latency_binary_ms=SCALED_LATENCY)
    for each in running:
        each.send(signal.SIGCONT)
    begin = time.monotonic()
    await place.ended(numbers)
    seconds = time.monotonic() - begin
    await place.stop_workers()
    return seconds


async def _scaling(machine: Machine) -> None:
    # Few at a time, so that the portal takes the time and not the two cores of this machine.
    async with open_place(machine, PDPJ_MAX_CONCURRENCY="200", DOWNLOAD_CONCURRENCY="1") as place:
        rows = {}
        try:
            for workers in WORKERS:
                seconds = await _scaled(place, workers)
                rate = SCALED_CASES * SCALED_DOCUMENTS / seconds
                rows[workers] = machine.report.measured(f"{workers} workers, portal of 1.5 s", "documents/s", rate)
        finally:
            await place.portal.reset()
        machine.report.compared(rows[2], rows[1])
        # One worker uses all slots that it can: more workers must not be slower.
        machine.report.compared(rows[4], rows[1], at_least(0.9))


async def measure(machine: Machine) -> None:
    """The crowds, then the workers."""
    machine.report.note("documents of 20 KB from the simulated portal, which has a part of the cores")
    await _crowds(machine)
    await _scaling(machine)
