"""A case of thousands of documents with many polling clients, and a small case beside it."""

import time
from uuid import uuid4

import aiohttp

from service.database.connection import create_database
from service.database.users import users
from service.webhooks.signature import new_secret
from tests.benchmarks.place import Machine, Place, open_place
from tests.benchmarks.tools.load import LoadTask, ask, asking
from tests.support.database.many_cases import add_cases, number_of

DOCUMENTS = 10_000
POLLS = 10  # at once
SECONDS = 6.0
REPEATED = 20
LARGE, SMALL = 1, 2  # their places among many cases


async def measure_large_case(machine: Machine) -> None:
    """Measure the polls, an unchanged poll, and the polls' effect on the small case."""
    async with open_place(machine) as place:
        await _fill(place)
        large, small = (f"/api/v1/processes/{number_of(each).masked}/status" for each in (LARGE, SMALL))
        await _report_small(place, "a small case alone", small)
        url = place.service.api.base_url + large
        async with asking(LoadTask(url, place.service.api.api_key or "", POLLS, None)) as end:
            await _report_small(place, f"a small case beside {POLLS} polls of {DOCUMENTS:,} documents", small)
            polls = await end()
        report = place.machine.report
        report.measured(f"status of {DOCUMENTS:,} documents, {POLLS} at once", "requests/s", polls.rate)
        report.measured(f"status of {DOCUMENTS:,} documents, 304", "ms", await _unchanged(place, url))
        report.measured(f"status of {DOCUMENTS:,} documents, 200", "ms", await _unchanged(place, url, tag="none"))


async def _fill(place: Place) -> None:
    database = create_database(place.service.database_url, application_name="bench", max_size=2)
    await database.connect()
    async with database.transaction() as connection:
        owner = await users.create(connection, name="bench", role="user", api_key=str(uuid4()), secret=new_secret())
    for case, documents in ((LARGE, DOCUMENTS), (SMALL, 3)):
        async with database.transaction() as connection:
            await add_cases(connection, owner, first=case, last=case, documents=documents)
    async with database.connection() as connection:
        await connection.execute("VACUUM ANALYZE")
    await database.close()


async def _report_small(place: Place, name: str, path: str) -> None:
    task = LoadTask(place.service.api.base_url + path, place.service.api.api_key or "", 1, SECONDS, pause=0.02)
    result = await ask(task)
    for share, title in ((0.5, "p50"), (0.99, "p99"), (1.0, "longest")):
        place.machine.report.measured(name, f"ms, {title}", result.percentile(share))


async def _unchanged(place: Place, url: str, *, tag: str | None = None) -> float:
    """Milliseconds of one response to a client that has the newest one, or another `tag`."""
    api = place.service.api
    headers = {"Authorization": f"Bearer {api.api_key}"}
    async with api.session.get(url, headers=headers) as response:
        newest = response.headers.get("ETag", "none")
    begin = time.perf_counter()
    for _ in range(REPEATED):
        await _ask(api.session, url, headers | {"If-None-Match": tag or newest})
    return (time.perf_counter() - begin) / REPEATED * 1000


async def _ask(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> None:
    async with session.get(url, headers=headers) as response:
        await response.read()
