"""More workers: one case takes as long as with one worker, and any number of workers uses all slots."""

from service.local.simulator import CaseSpec, DocumentSpec
from tests.benchmarks.place import Machine, Place, open_place
from tests.benchmarks.tools.report import Row, at_least, at_most

BINARY = 0.430  # seconds, recorded at the real portal
LIMIT = 10  # requests at a time
WORKERS = (1, 2, 5, 10)
LARGE = 60  # documents of one case
CASES, SMALL = 60, 10  # cases, and documents of each
SIZE = 20_000  # bytes


async def _numbers(place: Place, cases: int, documents: int) -> list[str]:
    numbers = [next(place.machine.numbers) for _ in range(cases)]
    for number in numbers:
        await place.portal.put_case(number, CaseSpec(documents=(DocumentSpec(size=SIZE, count=documents),)))
    return numbers


async def _with_workers(machine: Machine, workers: int) -> tuple[Row, Row]:
    async with open_place(machine, PDPJ_MAX_CONCURRENCY=str(LIMIT)) as place:
        for _ in range(workers):
            await place.add_worker()
        await place.portal.configure(latency_binary_ms=BINARY * 1000)
        try:
            one = await place.download(await _numbers(place, 1, LARGE))
            many = await place.download(await _numbers(place, CASES, SMALL))
        finally:
            await place.portal.reset()
        await place.stop_workers()
    report = machine.report
    each = report.measured(f"one case of {LARGE} documents, {workers} workers", "s", one)
    busy = CASES * SMALL * BINARY / (LIMIT * many)
    return each, report.measured(
        f"{CASES} cases of {SMALL}, {workers} workers", "of the slots busy", busy, target=at_least(0.95)
    )


async def measure(machine: Machine) -> None:
    """The same work with a different number of workers."""
    first: Row | None = None
    for workers in WORKERS:
        one, _busy = await _with_workers(machine, workers)
        first = first or one
        machine.report.compared(one, first, at_most(1.15))
