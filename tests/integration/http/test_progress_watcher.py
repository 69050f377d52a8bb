"""Polls of the followed cases load only changes, however many cases there are and however large."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
import structlog

from service.api.presenters.document_links import DocumentLinks
from service.api.progress.listeners import ChangeListener, Listener
from service.api.progress.watcher import ProgressWatcher
from service.database.cases import changed_cases, processes
from service.database.cases.processes import Overview
from service.database.connection import Connection
from service.database.users import users
from service.domain.documents import Document
from service.domain.process_number import ProcessNumber
from service.http.slices import SLICE_SIZE, Slices
from service.storage.store_errors import StorageError
from tests.support.buckets import Bucket
from tests.support.database.case_steps import CaseSteps, listed
from tests.support.database.many_cases import number_of

FOLLOWED = 30


class Looks:
    """What the polls of a watcher load."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loaded: asyncio.Queue[set[ProcessNumber]] = asyncio.Queue()
        self._overviews = processes.overviews
        monkeypatch.setattr(processes, "overviews", self._load)
        monkeypatch.setattr(changed_cases, "in_work", self._look)
        self._in_work = changed_cases.in_work
        self.count = 0
        self._more = asyncio.Condition()

    async def _load(self, connection: Connection, numbers: Collection[ProcessNumber]) -> dict[ProcessNumber, Overview]:
        self.loaded.put_nowait(set(numbers))
        return await self._overviews(connection, numbers)

    async def _look(self, connection: Connection) -> set[ProcessNumber]:
        async with self._more:
            self.count += 1
            self._more.notify_all()
        rows = await connection.fetch_all("SELECT process_number FROM jobs WHERE status = 'processing'")
        return {ProcessNumber(row["process_number"]) for row in rows}

    async def pass_by(self, count: int) -> None:
        """Wait for some complete polls."""
        async with self._more:
            last = self.count + count + 1
            await self._more.wait_for(lambda: self.count >= last)


class Links(DocumentLinks):
    """Links that cannot be signed for one case for a while, as when credentials cannot be renewed."""

    unsigned: str | None = None  #: the name of its documents

    async def signed(self, document: Document) -> str | None:
        if document.name == self.unsigned:
            raise StorageError("the object store failed: new credentials had no answer in time (TimeoutError)")
        return await super().signed(document)


class SpiedSlices(Slices):
    """Counts the work that was done in slices."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    async def run(self, work: Callable[[Sequence[Any]], Awaitable[Sequence[Any]]], items: Sequence[Any]) -> list[Any]:
        self.sizes.append(len(items))
        return await super().run(work, items)


@pytest.fixture
async def slices() -> SpiedSlices:
    return SpiedSlices()


@pytest.fixture
async def links(local_bucket: Bucket) -> Links:
    return Links(local_bucket.store, "https://autos.example.com")


@pytest.fixture
async def watcher(steps: CaseSteps, links: Links, slices: SpiedSlices) -> AsyncIterator[ProgressWatcher]:
    one = ProgressWatcher(steps.database, links, slices, interval=0.06)
    yield one
    await one.close()


async def opened(watcher: ProgressWatcher, number: ProcessNumber, stack: AsyncExitStack) -> AsyncIterator[bytes]:
    """An open stream."""
    listener = Listener(b"", lambda opening: b"snapshot" + bytes(opening.documents))
    # Its key belongs to no user: this test is not about keys.
    await stack.enter_async_context(watcher.follow(number, listener))
    taken = listener.taken()
    assert (await anext(taken)).startswith(b"snapshot")
    return taken


async def told(taken: AsyncIterator[bytes], what: bytes, count: int = 1) -> None:
    """Read until an event came so often."""
    seen = 0
    while seen < count:
        seen += (await anext(taken)).count(what)


@pytest.fixture(autouse=True)
def any_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async def live_keys(_connection: Connection, hashes: Collection[bytes]) -> set[bytes]:
        return set(hashes)

    monkeypatch.setattr(users, "live_keys", live_keys)


async def test_a_look_loads_only_the_cases_that_changed(
    steps: CaseSteps, watcher: ProgressWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.api.progress.changed_cases.POLLS_UNTIL_ALL", 1_000_000)
    await steps.register(listed("a"))
    await steps.ask("hook")
    others = [CaseSteps(steps.database, number_of(5_000_000 + place), steps.user_id) for place in range(FOLLOWED)]
    for other in others:
        await other.keep()
    looks = Looks(monkeypatch)
    async with AsyncExitStack() as stack:
        taken = await opened(watcher, steps.number, stack)
        for other in others:
            await opened(watcher, other.number, stack)
        await looks.pass_by(2)
        while not looks.loaded.empty():
            looks.loaded.get_nowait()

        await looks.pass_by(5)
        assert looks.loaded.empty()
        await steps.claim()
        await told(taken, b"processing")

        assert set(_all(looks.loaded)) == {frozenset({steps.number})}


def _all(queue: asyncio.Queue[set[ProcessNumber]]) -> list[frozenset[ProcessNumber]]:
    return [frozenset(queue.get_nowait()) for _ in range(queue.qsize())]


async def test_whatever_happens_to_a_case_that_waits_is_told_at_once(
    steps: CaseSteps, watcher: ProgressWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.api.progress.changed_cases.POLLS_UNTIL_ALL", 1_000_000)
    await steps.register(listed("a"), listed("b"))
    await steps.complete()
    await steps.download("a", url="hook")
    async with AsyncExitStack() as stack:
        taken = await opened(watcher, steps.number, stack)

        # The row of the job does not change with it.
        await steps.download("b", url="more")
        await told(taken, b'"pending"')
        job = await steps.claim()
        await told(taken, b'"processing"')
        await steps.cancel(job.id)
        # The stored files still match the listing.
        await told(taken, b"event: completed")


async def test_a_change_that_is_committed_after_later_ones_is_told(
    steps: CaseSteps, watcher: ProgressWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.api.progress.changed_cases.POLLS_UNTIL_ALL", 1_000_000)
    await steps.register(listed("a"))
    accepted = await steps.ask("hook")
    looks = Looks(monkeypatch)
    async with AsyncExitStack() as stack:
        taken = await opened(watcher, steps.number, stack)
        async with steps.database.transaction() as connection:
            await processes.note_change(connection, steps.number)
            await connection.execute(
                "UPDATE jobs SET error_code = 'portal_error', error_message = 'late' WHERE id = :id",
                {"id": accepted.job_id},
            )
            await looks.pass_by(3)

        await told(taken, b"late")


async def test_a_large_case_is_made_and_told_in_slices(
    steps: CaseSteps, watcher: ProgressWatcher, slices: SpiedSlices
) -> None:
    many = [listed(str(place)) for place in range(5 * SLICE_SIZE)]
    await steps.register(*many)
    async with AsyncExitStack() as stack:
        taken = await opened(watcher, steps.number, stack)
        assert slices.sizes == [len(many), len(many)]  # signed, encoded
        slices.sizes.clear()

        await steps.register(*(listed(str(place), name="another") for place in range(len(many))))
        await told(taken, b"event: document", len(many))

    assert [size for size in slices.sizes if size] == [len(many), len(many)]


async def test_links_that_cannot_be_signed_end_the_streams_of_their_case_alone(
    steps: CaseSteps, watcher: ProgressWatcher, links: Links
) -> None:
    other = CaseSteps(steps.database, number_of(6_000_000), steps.user_id)
    for each in (steps, other):
        await each.register(listed("a", name=each.number.digits))
        await each.ask("hook")
    async with AsyncExitStack() as stack:
        taken, of_other = [await opened(watcher, each.number, stack) for each in (steps, other)]
        links.unsigned = "unsigned"
        with structlog.testing.capture_logs() as lines:
            await steps.register(listed("a", name="unsigned"))
            rest = [each async for each in taken]
            # During that time no new stream opens either.
            listener = Listener(b"", lambda opening: bytes(opening.documents))
            await stack.enter_async_context(watcher.follow(steps.number, listener))
            assert [each async for each in listener.taken()] == []
        await other.register(listed("a", name="another"))
        await told(of_other, b"another")
        links.unsigned = None
        await opened(watcher, steps.number, stack)

    assert b"event: document" not in b"".join(rest)
    ended = [each for each in lines if each["event"] == "event_streams_ended"]
    assert [each["process_number"] for each in ended] == [steps.number.masked] * 2
    assert all("new credentials" in each["reason"] for each in ended)


async def test_no_link_is_signed_for_listeners_that_read_the_page_again(
    steps: CaseSteps, watcher: ProgressWatcher, slices: SpiedSlices
) -> None:
    await steps.register(listed("a"))
    await steps.ask("hook")
    listener = ChangeListener(b"", changed=b"changed", ended=b"ended")
    async with watcher.follow(steps.number, listener):
        taken = listener.taken()
        assert await anext(taken) == b"changed"
        job = await steps.claim()
        assert b"changed" in [await anext(taken), await anext(taken)]
        await steps.work(job)
        await steps.finish(job)

        assert b"ended" in [events async for events in taken]

    assert slices.sizes == []
