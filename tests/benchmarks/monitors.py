"""Monitors: what checks of watched cases cost a request of a person, with 40,000 of them due at once."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from service.database.connection import Database
from service.local.simulator import CaseSpec, DocumentSpec
from tests.benchmarks.place import Machine, Place, open_place
from tests.benchmarks.tools.report import at_least, at_most
from tests.support.database.many_cases import add_cases, number_of
from tests.support.deliveries.deliveries import add_user, open_pool
from tests.support.http.api import Api
from tests.support.numbers import process_numbers

LIMIT = 10  # requests at a time
SHARE = 0.5  # of them may be checks
LISTING, BINARY = 0.3, 0.3  # seconds
WORKERS = 3
WATCHED = 40_000  # cases
KNOWN = 1000  # of them that the portal has, with a new document; it does not know the others
DOCUMENTS = 10  # of a case that a person asks for
ASKED = 5  # times
SLACK = 2.0  # seconds that a request may need above twice its time alone
BUSY = 20  # checks after which the portal's share of them is used
CHECKED = "SELECT count(*) AS checked FROM watches WHERE last_checked_at IS NOT NULL OR consecutive_failures > 0"
#: Hourly, so that the pace of daily checks is no bound: all that is left are the slots. The first are the known ones.
_DUE = (
    "UPDATE watches SET every = interval '1 hour', next_check_at = created_at - interval '1 year',"
    " last_checked_at = NULL"
)


@dataclass(frozen=True)
class Side:
    """A service with some workers, a user who asks, and one who watches."""

    place: Place
    person: Api
    numbers: Iterator[str]  #: of another court than the watched cases

    async def single(self) -> float:
        """The seconds of one case that a person asks for."""
        number = next(self.numbers)
        await self.place.portal.put_case(number, CaseSpec(documents=(DocumentSpec(size=2000, count=DOCUMENTS),)))
        begin = time.monotonic()
        await self.person.process(number)
        await self.place.ended([number])
        return time.monotonic() - begin

    async def checked(self) -> int:
        """The number of cases that were checked so far."""
        return int((await self.place.service.fetch(CHECKED))[0]["checked"])


async def _watch_many(place: Place, database: Database, owner: UUID) -> None:
    """Let a user watch 40,000 cases, all of which are due."""
    # The known ones are the oldest: their checks come first.
    known = [number_of(position).masked for position in range(WATCHED - KNOWN + 1, WATCHED + 1)]
    spec = CaseSpec(documents=(DocumentSpec(size=2000),))
    for start in range(0, KNOWN, 50):
        await asyncio.gather(*(place.portal.put_case(number, spec) for number in known[start : start + 50]))
    async with database.transaction() as connection:
        await add_cases(connection, owner, first=1, last=WATCHED, documents=1)
        await connection.execute(_DUE)
        await connection.execute("UPDATE monitors SET every = interval '1 hour'")
    async with database.connection() as connection:
        await connection.execute("ANALYZE")


async def _beside_monitors(side: Side, database: Database, owner: UUID) -> None:
    report, place = side.place.machine.report, side.place
    alone = report.measured("one case, alone", "s", *[await side.single() for _ in range(ASKED)])
    target = at_most(2 * alone.median + SLACK)
    await _watch_many(place, database, owner)
    await place.service.until(f"{CHECKED} HAVING count(*) >= {BUSY}", timeout=120)
    await place.portal.forget_requests()

    begin, before = time.monotonic(), await side.checked()
    beside = [await side.single() for _ in range(ASKED)]
    rate = (await side.checked() - before) / (time.monotonic() - begin)

    report.measured(f"one case, beside {WATCHED:,} monitors that are due", "s", *beside, target=target)
    journal = await place.portal.journal()
    report.measured(
        "requests at the portal meanwhile, most", "requests", journal["max_in_flight"], target=at_most(LIMIT)
    )
    report.measured("checks meanwhile", "per second", rate, target=at_least(1))


async def measure(machine: Machine) -> None:
    """Measure a person's request alone, and beside the checks of many watched cases."""
    async with open_place(machine, PDPJ_MAX_CONCURRENCY=str(LIMIT), MONITOR_SHARE=str(SHARE)) as place:
        for _ in range(WORKERS):
            await place.add_worker()
        async with open_pool(place.service.database_url) as database:
            (_, key), (owner, _) = [await add_user(database) for _ in range(2)]
            await place.portal.configure(latency_binary_ms=BINARY * 1000, latency_listing_ms=LISTING * 1000)
            try:
                side = Side(place, place.service.api.with_key(key), process_numbers("523"))
                await _beside_monitors(side, database, owner)
            finally:
                await place.portal.reset()
        await place.stop_workers()
