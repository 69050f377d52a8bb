"""What people cost who follow cases on the pages of the console.

Each follower holds the event stream of a case and fetches its page again after a change, as the page's script does.
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp
import asyncpg

from service.local.simulator import CaseSpec, DocumentSpec
from tests.acceptance.console.conftest import browser_of
from tests.benchmarks.place import Machine, Place, open_place
from tests.benchmarks.tools.report import at_most
from tests.benchmarks.tools.resources import cpu_seconds
from tests.support.deliveries.deliveries import add_user, open_pool

FOLLOWERS = 200
CASES = 20
DOCUMENTS = 30
SIZE = 20_000  # bytes of each document
LATENCY = 430.0  # ms of a document: the mean of the real portal
GATHER = 0.25  # seconds in which changes become one fetch, as in console.js
IS_FULL = re.compile(rb"data-percent>100\D")


class Follower:
    """A browser with the page of one case."""

    def __init__(self, session: aiohttp.ClientSession, url: str, number: str, cookies: dict[str, str]) -> None:
        self.number = number
        self.full_at = 0.0  #: of `time.time`: when the page showed 100 %
        self._session = session
        self._url = url
        self._headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        self.pages = 0

    async def follow(self) -> None:
        """Show the page anew after each change, until the stream ends."""
        await self._show()
        changed = asyncio.Event()
        following = self._session.get(f"{self._url}/events", headers=self._headers, timeout=None)
        async with asyncio.TaskGroup() as group, following as stream:
            showing = group.create_task(self._show_changes(changed))
            async for line in stream.content:
                if line.startswith(b"data:"):
                    changed.set()
            showing.cancel()
        await asyncio.sleep(GATHER)
        await self._show()

    async def _show_changes(self, changed: asyncio.Event) -> None:
        while True:
            await changed.wait()
            await asyncio.sleep(GATHER)
            changed.clear()
            await self._show()

    async def _show(self) -> None:
        async with self._session.get(self._url, headers=self._headers) as page:
            body = await page.read()
            page.raise_for_status()
        self.pages += 1
        if not self.full_at and IS_FULL.search(body):
            self.full_at = time.time()


@dataclass(frozen=True)
class Downloaded:
    """What the download of the cases took, and what their followers saw."""

    seconds: float
    cpu: float  #: seconds of the API process
    pages: int = 0
    latest: float = 0.0  #: seconds from the end of a job to its last page at 100 %


async def _followers(place: Place, numbers: Sequence[str], count: int) -> list[Follower]:
    """A user for each, as people have."""
    found = []
    async with open_pool(place.service.database_url) as pool:
        for index in range(count):
            client = place.service.api.with_key((await add_user(pool))[1])
            cookies = (await browser_of(client, pool)).cookies
            number = numbers[index % CASES]
            url = f"{client.base_url}/console/cases/{number}"
            found.append(Follower(place.session, url, number, dict(cookies)))
    return found


async def _ends(place: Place, numbers: Sequence[str]) -> Mapping[str, float]:
    """When the job of each case ended, of `time.time`."""
    digits = {"".join(filter(str.isdigit, number)): number for number in numbers}
    connection = await asyncpg.connect(place.service.database_url)
    try:
        rows = await connection.fetch(
            "SELECT process_number, extract(epoch FROM max(completed_at))::float AS ended FROM jobs"
            " WHERE process_number = ANY($1) GROUP BY process_number",
            list(digits),
        )
    finally:
        await connection.close()
    return {digits[row["process_number"]]: row["ended"] for row in rows}


async def _download(place: Place, *, followers_count: int) -> Downloaded:
    """Download new cases, with so many followers."""
    numbers = [next(place.machine.numbers) for _ in range(CASES)]
    for number in numbers:
        await place.portal.put_case(number, CaseSpec(documents=(DocumentSpec(size=SIZE, count=DOCUMENTS),)))
    followers = await _followers(place, numbers, followers_count)
    for number in numbers:
        await place.service.api.process(number)
    [api] = place.service.apis
    begin, before = time.monotonic(), cpu_seconds(api.pid)
    await asyncio.gather(place.ended(numbers), *(each.follow() for each in followers))
    seconds, cpu = time.monotonic() - begin, cpu_seconds(api.pid) - before
    assert all(each.full_at for each in followers), "a page never showed 100 %"
    ends = await _ends(place, numbers)
    latest = max((each.full_at - ends[each.number] for each in followers), default=0.0)
    return Downloaded(seconds, cpu, sum(each.pages for each in followers), latest)


async def measure(machine: Machine) -> None:
    """The same cases with one follower, and with 200."""
    report = machine.report
    async with open_place(machine, PDPJ_MAX_CONCURRENCY="10", RATE_LIMIT_REQUESTS="6000/minute") as place:
        await place.add_worker()
        await place.portal.configure(latency_binary_ms=LATENCY)
        try:
            one = await _download(place, followers_count=1)
            many = await _download(place, followers_count=FOLLOWERS)
        finally:
            await place.portal.reset()
    name = f"{FOLLOWERS} follow {CASES} cases"
    report.measured("one follows, CPU of the API", "% of a core", 100 * one.cpu / one.seconds)
    report.measured("one follows, 100 % is shown after the end", "s", one.latest, target=at_most(1.0))
    report.measured(f"{name}, CPU of the API", "% of a core", 100 * many.cpu / many.seconds)
    report.measured(f"{name}, 100 % is shown after the end", "s at most", many.latest)
    report.measured(f"{name}, pages", "per second", many.pages / many.seconds)
    report.measured("CPU of a page that is shown anew", "ms", 1000 * (many.cpu - one.cpu) / (many.pages - one.pages))
    with_them = report.measured(f"{name}, complete after", "s", many.seconds)
    report.compared(with_them, report.measured("one follows, complete after", "s", one.seconds), at_most(1.25))
