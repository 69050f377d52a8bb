"""What is filed in a watched case is told once to each watcher, whatever is killed, emptied or restarted meanwhile."""

import asyncio
import contextlib
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from service.local.simulator import DocumentSpec, Fault, FaultKind
from service.local.stack import Stack
from tests.acceptance.faults.conftest import Numbers
from tests.acceptance.faults.servers.test_valkey import empty
from tests.support.database.workload import Place
from tests.support.deliveries.deliveries import add_user, open_pool
from tests.support.deliveries.watchers import Watcher, monitor_path

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(420)]

CASES, WATCHERS = 4, 3
UNAVAILABLE = Fault(kind=FaultKind.UNAVAILABLE_503, times=1)
ALL_SENT = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE status <> 'delivered')"
ALL_TOLD = 180  # seconds within which everything is told once the faults have ended


@dataclass
class Watched:
    """Cases with three watchers each, and everything that was filed in them."""

    place: Place
    watchers: list[Watcher]
    cases: list[str]
    seed: int = field(default_factory=lambda: random.randrange(1_000_000))  # noqa: S311  (moments, not secrets)
    documents: dict[str, str] = field(default_factory=dict)  #: the case of each, by its SHA-256
    movements: set[str] = field(default_factory=set)
    failed: int = 0  #: checks that the portal was told to fail

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311  (as above)

    async def file(self) -> None:
        """File a document in one of the cases, and often a movement; have it checked. Half of the checks fail."""
        number = self.random.choice(self.cases)
        size = self.random.randrange(2000, 200_000)
        document = await self.place.portal.file_document(number, name=f"Peça {len(self.documents)}.pdf", size=size)
        self.documents[document["sha256"]] = number
        if self.random.random() < 0.5:
            described = f"Ato {len(self.movements)} de {number}"
            await self.place.portal.file_movement(number, description=described)
            self.movements.add(described)
        if self.random.random() < 0.5:
            await self.place.portal.fail_listing(number, UNAVAILABLE)
            self.failed += 1
        await self.check(number)

    async def check(self, number: str) -> None:
        """Ask for a check. The service may be without its database, or the user at his limit."""
        watcher = self.random.choice(self.watchers)
        answer = await watcher.api.post(f"{monitor_path(number)}/check")
        assert answer.status in {202, 429, 503}, answer

    async def all_told(self) -> None:
        """Wait until every watcher was told everything, asking for checks as a user would."""
        async with asyncio.timeout(ALL_TOLD):
            while missing := self._missing():
                for number in missing:
                    await self.check(number)
                await asyncio.sleep(1)

    def _missing(self) -> set[str]:
        told = [set(each.documents()) for each in self.watchers]
        documents = {number for sha256, number in self.documents.items() if any(sha256 not in each for each in told)}
        moved = [set(each.movements()) for each in self.watchers]
        return documents | {
            description.rpartition(" ")[2]
            for description in self.movements
            if any(description not in each for each in moved)
        }

    async def expect_once(self) -> str:
        """Each document and each movement came to each watcher under one id, with a link that works.

        Also after one more check of each case, and when everything that was scheduled has been sent.
        """
        # Not by the API: its limit may be reached.
        await self.place.service.fetch("UPDATE watches SET check_requested_at = now()")
        await self.place.service.until("SELECT 1 FROM watches HAVING bool_and(check_requested_at IS NULL)")
        await self.place.service.until(ALL_SENT)
        posts = 0
        for watcher in self.watchers:
            documents, movements = watcher.documents(), watcher.movements()
            assert documents.keys() == self.documents.keys()
            assert movements.keys() == self.movements
            assert {len(ids) for ids in (*documents.values(), *movements.values())} <= {1}
            assert {each.json["type"] for each in watcher.received} == {"process.updated"}
            assert await watcher.expect_links() == len(self.documents)
            posts += len(watcher.received) - len(watcher.told())
        return (
            f"{len(self.documents)} documents and {len(self.movements)} movements told once to each of {WATCHERS};"
            f" {self.failed} checks failed; {posts} events posted twice under the same id; seed {self.seed}"
        )


@pytest.fixture
async def watched(place: Place, numbers: Numbers) -> Watched:
    """Cases that are watched and have their baseline. Two workers run."""
    async with open_pool(place.service.database_url) as database:
        keys = [(await add_user(database))[1] for _ in range(WATCHERS)]
    cases = numbers.take(CASES)
    await place.put_cases(cases, DocumentSpec(count=2, size=3000))
    await asyncio.gather(*(place.service.add_worker() for _ in range(2)))
    clients = [place.service.api.with_key(key) for key in keys]
    watchers = [Watcher(client, place.subscriber, f"/{cases[0]}/{turn}") for turn, client in enumerate(clients)]
    for number in cases:
        for each in watchers:
            await each.watch(number)
    # Every monitor has its baseline, and the first documents are there.
    await place.service.until("SELECT 1 FROM monitors HAVING count(told) = $1", CASES * WATCHERS)
    await asyncio.gather(*(place.service.api.ended(number) for number in cases))
    return Watched(place, watchers, cases)


async def test_workers_that_are_killed_at_twenty_moments_tell_each_change_once(
    watched: Watched, note: Callable[[str], None]
) -> None:
    service = watched.place.service

    for _turn in range(20):
        await watched.file()
        await asyncio.sleep(watched.random.uniform(0, 2.5))
        victim = service.workers.pop(0)
        victim.send(signal.SIGKILL)
        assert await victim.ended() == -signal.SIGKILL
        await service.add_worker()

    await watched.all_told()
    note(f"20 SIGKILL: {await watched.expect_once()}")


async def test_an_emptied_valkey_and_a_restarted_postgres_tell_each_change_once(
    watched: Watched, servers: Stack, note: Callable[[str], None]
) -> None:
    for turn in range(12):
        await watched.file()
        await asyncio.sleep(watched.random.uniform(0, 2))
        await empty(servers)
        if turn % 4 == 2:
            end = servers.stop_server if turn % 8 == 2 else servers.kill_server
            await asyncio.to_thread(end, "postgres")
            await asyncio.sleep(watched.random.uniform(0, 1))
            await asyncio.to_thread(servers.start_server, "postgres")

    await watched.all_told()
    note(f"12 FLUSHALL, 3 ends of PostgreSQL: {await watched.expect_once()}")


async def test_monitors_that_come_and_go_meanwhile_cost_the_others_nothing(
    watched: Watched, note: Callable[[str], None]
) -> None:
    place = watched.place
    async with open_pool(place.service.database_url) as database:
        key = (await add_user(database))[1]
    restless = Watcher(place.service.api.with_key(key), place.subscriber, f"/{watched.cases[0]}/restless")

    async def come_and_go() -> None:
        while True:
            number = watched.random.choice(watched.cases)
            await restless.watch(number)
            await asyncio.sleep(0.3)  # the limit of requests is 600 a minute
            await restless.api.delete(monitor_path(number))

    coming = asyncio.create_task(come_and_go())
    for _turn in range(15):
        await watched.file()
        await asyncio.sleep(watched.random.uniform(0, 1))
    await watched.all_told()
    coming.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await coming

    note(f"another user's monitors came and went: {await watched.expect_once()}")
    ids = [*restless.documents().values(), *restless.movements().values()]
    assert {len(each) for each in ids} <= {1}
