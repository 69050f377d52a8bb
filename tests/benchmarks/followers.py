"""What people cost who follow cases on the pages of the console.

Each follower holds the event stream of a case and fetches its page again after a change, as the page's script does.
"""

import asyncio
import time
from collections.abc import Sequence

import aiohttp

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


class Follower:
    """A browser with the page of one case."""

    def __init__(self, session: aiohttp.ClientSession, url: str, cookies: dict[str, str]) -> None:
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
        await self._show()

    async def _show_changes(self, changed: asyncio.Event) -> None:
        while True:
            await changed.wait()
            await asyncio.sleep(GATHER)
            changed.clear()
            await self._show()

    async def _show(self) -> None:
        async with self._session.get(self._url, headers=self._headers) as page:
            await page.read()
            page.raise_for_status()
        self.pages += 1


async def _followers(place: Place, numbers: Sequence[str]) -> list[Follower]:
    """A user for each, as people have."""
    found = []
    async with open_pool(place.service.database_url) as pool:
        for index in range(FOLLOWERS):
            client = place.service.api.with_key((await add_user(pool))[1])
            cookies = (await browser_of(client, pool)).cookies
            url = f"{client.base_url}/console/cases/{numbers[index % CASES]}"
            found.append(Follower(place.session, url, dict(cookies)))
    return found


async def _download(place: Place, *, followed: bool) -> tuple[float, float, int]:
    """Seconds, CPU seconds of the API process, and pages that were shown, while the cases are downloaded."""
    numbers = [next(place.machine.numbers) for _ in range(CASES)]
    for number in numbers:
        await place.portal.put_case(number, CaseSpec(documents=(DocumentSpec(size=SIZE, count=DOCUMENTS),)))
    followers = await _followers(place, numbers) if followed else []
    for number in numbers:
        await place.service.api.process(number)
    [api] = place.service.apis
    begin, before = time.monotonic(), cpu_seconds(api.pid)
    await asyncio.gather(place.ended(numbers), *(each.follow() for each in followers))
    return time.monotonic() - begin, cpu_seconds(api.pid) - before, sum(each.pages for each in followers)


async def measure(machine: Machine) -> None:
    """The same cases without followers, and with 200 of them."""
    report = machine.report
    async with open_place(machine, PDPJ_MAX_CONCURRENCY="10", RATE_LIMIT_REQUESTS="6000/minute") as place:
        await place.add_worker()
        await place.portal.configure(latency_binary_ms=LATENCY)
        try:
            alone, cpu_alone, _pages = await _download(place, followed=False)
            seconds, cpu, pages = await _download(place, followed=True)
        finally:
            await place.portal.reset()
    report.measured("nobody follows, CPU of the API", "% of a core", 100 * cpu_alone / alone)
    report.measured(f"{FOLLOWERS} follow {CASES} cases, CPU of the API", "% of a core", 100 * cpu / seconds)
    report.measured("pages shown", "per second", pages / seconds)
    report.measured("CPU of a page that is shown anew", "ms", 1000 * (cpu - cpu_alone) / max(1, pages))
    with_them = report.measured("the cases are complete after", "s", seconds)
    report.compared(with_them, report.measured("the same, nobody follows", "s", alone), at_most(1.25))
