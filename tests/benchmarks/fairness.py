"""Fairness: one user's batch costs another user little, equal batches get equal shares, and no slot is idle."""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

from service.local.simulator import CaseSpec, DocumentSpec
from tests.benchmarks.place import Machine, Place, open_place
from tests.benchmarks.tools.report import at_least, at_most
from tests.support.database.workload import plain
from tests.support.deliveries.deliveries import add_user, open_pool
from tests.support.http.api import Api
from tests.support.processes import Process

BINARY = 0.3  # seconds
LIMIT = 10  # requests at a time
SIZE = 2000  # bytes
WORKERS = 3
SMALL, LARGE = 10, 5000  # documents of a case
BATCH = 300  # cases
EQUAL_USERS, EQUAL_CASES = 3, 30  # cases of each
HANDED_OVER = 20  # documents of a user: by then the slots are divided
ASKED = 3  # times
SLACK = 2.0  # seconds that a request beside a batch may need above twice its time alone
STORED = "SELECT count(*) AS stored FROM documents WHERE process_number = ANY($1) AND status = 'available'"
CANCEL = "SELECT id FROM jobs WHERE completed_at IS NULL"


@dataclass(frozen=True)
class Side:
    """A service with some workers, and users."""

    place: Place
    users: list[Api]

    async def put(self, count: int, documents: int = SMALL) -> list[str]:
        """Add new cases to the portal."""
        numbers = [next(self.place.machine.numbers) for _ in range(count)]
        spec = CaseSpec(documents=(DocumentSpec(size=SIZE, count=documents),))
        await asyncio.gather(*(self.place.portal.put_case(number, spec) for number in numbers))
        return numbers

    async def single(self, user: Api) -> float:
        """The seconds of one case that is requested alone."""
        [number] = await self.put(1)
        begin = time.monotonic()
        await user.process(number)
        await self.place.ended([number])
        return time.monotonic() - begin

    async def batch(self, user: Api, numbers: Sequence[str]) -> None:
        """Request many cases in one request."""
        answer = await user.post("/api/v1/processes/search", {"process_numbers": list(numbers)})
        assert answer.status == 200, answer

    async def cancel_all(self) -> None:
        """Cancel all active jobs."""
        for job in await self.place.service.fetch(CANCEL):
            await self.place.service.api.post(f"/api/v1/jobs/{job['id']}/cancel", {})

    async def stored(self, numbers: Sequence[str]) -> int:
        """The number of available documents of cases."""
        return int((await self.place.service.fetch(STORED, plain(numbers)))[0]["stored"])


async def _beside_a_batch(side: Side) -> None:
    report, (first, second, _third) = side.place.machine.report, side.users
    alone = report.measured("one case, alone", "s", *[await side.single(second) for _ in range(ASKED)])
    target = at_most(2 * alone.median + SLACK)
    [large] = await side.put(1, LARGE)
    await first.process(large)
    await side.batch(first, await side.put(BATCH))
    await side.place.service.until("SELECT 1 FROM documents WHERE status = 'available' OFFSET 100")

    others = [await side.single(second) for _ in range(ASKED)]
    report.measured(
        f"one case, beside another user's {BATCH} and one of {LARGE} documents", "s", *others, target=target
    )
    own = [await side.single(first) for _ in range(ASKED)]
    report.measured(f"one case, beside one's own {BATCH} and one of {LARGE} documents", "s", *own, target=target)
    await _kill(side.place.service.workers[0])
    others = [await side.single(second) for _ in range(ASKED)]
    report.measured("the same, another user's, after kill -9 of a worker", "s", *others, target=target)
    own = [await side.single(first) for _ in range(ASKED)]
    report.measured("the same, one's own, after kill -9 of a worker", "s", *own, target=target)
    await side.place.add_worker()
    # They hold every slot.
    await asyncio.gather(*(_kill(each) for each in side.place.service.workers[1:WORKERS]))
    other = await side.single(second)
    report.measured("the same, after kill -9 of those with every slot", "s", other, target=target)
    # Not after a cancellation: a portal continues a response for a while after its connection was closed.
    await _tell_most(side.place, "one case, most in flight")
    await side.cancel_all()


async def _kill(worker: Process) -> None:
    worker.send(signal.SIGKILL)
    await worker.ended()


async def _tell_most(place: Place, name: str) -> None:
    most = (await place.portal.journal())["max_documents_in_flight"]
    place.machine.report.measured(name, "requests", most, target=at_most(LIMIT))


async def _equal_batches(side: Side) -> None:
    report, portal = side.place.machine.report, side.place.portal
    batches = [await side.put(EQUAL_CASES) for _ in side.users]
    everything, everybodys = EQUAL_CASES * SMALL, [number for batch in batches for number in batch]
    for user, batch in zip(side.users, batches, strict=True):
        await side.batch(user, batch)
    # The first user had every slot until the others had asked, and its open requests had to end. That made its part
    # 1.04 to 1.11 of a third; from here on all of them are within 1.02.
    for batch in batches:
        await side.place.service.until(f"{STORED} HAVING count(*) >= $2", plain(batch), HANDED_OVER)
    await portal.forget_requests()
    begin = time.monotonic()
    before = [await side.stored(batch) for batch in batches]
    # While all of them have waiting cases.
    while max(now := [await side.stored(batch) for batch in batches]) < 0.8 * everything:  # noqa: ASYNC110  (another process)
        await asyncio.sleep(0.5)
    done = [after - earlier for after, earlier in zip(now, before, strict=True)]
    seconds, journal = time.monotonic() - begin, await portal.journal()
    part = min(done) / (sum(done) / len(done))
    report.measured("3 equal batches, the least of their parts", "of a third", part, target=at_least(0.9))
    part = max(done) / (sum(done) / len(done))
    report.measured("3 equal batches, the most of their parts", "of a third", part, target=at_most(1.1))
    busy = journal["seconds_of_documents"] / (LIMIT * seconds)
    report.measured("3 equal batches", "of the slots busy", busy, target=at_least(0.97))
    await side.place.ended(everybodys)


async def measure(machine: Machine) -> None:
    """Measure one user beside another user's batch, then equal batches."""
    async with open_place(machine, PDPJ_MAX_CONCURRENCY=str(LIMIT)) as place:
        for _ in range(WORKERS):
            await place.add_worker()
        async with open_pool(place.service.database_url) as database:
            keys = [(await add_user(database))[1] for _ in range(EQUAL_USERS)]
        side = Side(place, [place.service.api.with_key(key) for key in keys])
        await place.portal.configure(latency_binary_ms=BINARY * 1000)
        try:
            await _beside_a_batch(side)
            for _ in range(WORKERS - 1):
                await place.add_worker()
            await _equal_batches(side)
            await _tell_most(place, "3 equal batches, most in flight")
        finally:
            await place.portal.reset()
        await place.stop_workers()
