"""The worker's loop of checks, against the simulated portal: what it claims, and what it does with failures."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest

from service.database.connection import Database
from service.database.monitors import checks
from service.domain.errors import ErrorCode
from service.local.simulator import (
    FOR_EVER,
    DocumentSpec,
    Fault,
    FaultKind,
    SimulatedPortal,
    create_portal,
    make_case,
    running_portal,
)
from service.portal import client as portal_client
from service.portal import pauses
from service.portal.errors import TokenUnavailable, Unauthorized, Unavailable
from service.queue.task_queue import RetryUntilShutdown
from tests.support.database.watchers import WatchedCase
from tests.support.deliveries.deliveries import add_user
from tests.support.one_worker import open_worker
from worker import lease
from worker.context import Context
from worker.shutdown import Shutdown
from worker.tasks import check_watch, checking
from worker.tasks.checking import CheckLoop

TOKEN = "invented-token"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
async def simulated() -> AsyncIterator[tuple[SimulatedPortal, str]]:
    app = create_portal(TOKEN, ())
    async with running_portal(app) as origin:
        yield app.state.portal, origin


@dataclass
class Place:
    """A case of the simulated portal, and a worker that only makes checks."""

    portal: SimulatedPortal
    case: WatchedCase
    context: Context

    def list(self, *documents: str) -> None:
        """Have the portal list these documents."""
        specs = [DocumentSpec(origin_id=each) for each in documents]
        self.portal.put_case(make_case(self.case.number.masked, specs))

    def fail(self, *faults: Fault) -> None:
        """Have the portal answer the next listings like this."""
        self.portal.script.fail_listing(self.case.number.masked, *faults)

    async def watch(self) -> dict[str, Any]:
        """The row of the checks."""
        [row] = await self.case.fetch("SELECT * FROM watches WHERE process_number = :number")
        return row

    async def check(self) -> None:
        """Check the case in this task, as if it were due."""
        await check_watch.check_watch(self.context, await self.case.claim_check())

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(60):
            while not await condition():  # noqa: ASYNC110  (another task writes to the database)
                await asyncio.sleep(0.01)


@pytest.fixture
async def place(
    database: Database,
    simulated: tuple[SimulatedPortal, str],
    watched: WatchedCase,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Place]:
    simulated[0].reset()
    monkeypatch.setattr(portal_client, "PAGE_DELAY", 0.01)
    monkeypatch.setattr(pauses, "BUSY_PAUSES", (0.01, 0.02))
    monkeypatch.setattr(checking, "CHECK_INTERVAL", 0.02)
    async with open_worker(database, cast(Any, Mock(store=Mock(put=AsyncMock()))), simulated, watched.number) as worker:
        context = replace(
            worker.context,
            shutdown=Shutdown(RetryUntilShutdown()),
            queue=Mock(enqueue_delivery=AsyncMock(return_value=True), enqueue_job=AsyncMock(return_value=True)),
        )
        place = Place(simulated[0], watched, context)
        place.list("a")
        yield place


async def test_the_loop_makes_the_first_check_and_those_that_are_asked_for(place: Place) -> None:
    user_id = await place.case.watch()
    looping = asyncio.create_task(CheckLoop(place.context).check_for_ever())

    async def is_checked() -> bool:
        return (await place.case.monitor(user_id)).last_checked_at is not None

    await place.until(is_checked)
    first = await place.watch()
    place.list("a", "b")
    await place.case.fetch(
        "UPDATE watches SET check_requested_at = clock_timestamp() WHERE process_number = :number RETURNING 1"
    )

    async def has_job() -> bool:
        return bool(await place.case.active_jobs())

    await place.until(has_job)
    looping.cancel()
    await asyncio.wait([looping])
    assert (first["check_requested_at"], first["consecutive_failures"]) == (None, 0)
    queue = cast(Mock, place.context.queue)
    assert queue.enqueue_job.await_args.args == tuple(await place.case.active_jobs())


async def test_a_check_that_fails_is_tried_again_with_backoff_and_tells_why(place: Place) -> None:
    user_id = await place.case.watch()
    await place.check()
    place.fail(Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER))

    delays = list[timedelta]()
    for failures in (1, 2, 3):
        await place.check()
        row = await place.watch()
        assert (row["consecutive_failures"], row["lease_token"]) == (failures, None)
        [since] = await place.case.fetch("SELECT :due - now() AS delay", due=row["next_check_at"])
        delays.append(since["delay"])
    monitor = await place.case.monitor(user_id)
    assert (monitor.last_error_code, monitor.is_failing) == ("portal_unavailable", False)
    minutes = [delay / timedelta(minutes=1) for delay in delays]
    assert all(5 * 2**n * 0.9 < minute < 5 * 2**n * 1.2 for n, minute in enumerate(minutes))

    place.fail()
    await place.check()
    monitor = await place.case.monitor(user_id)
    assert (monitor.consecutive_failures, monitor.last_error_code) == (0, None)


async def test_a_case_that_vanishes_loses_nothing(place: Place) -> None:
    user_id = await place.case.watch()
    await place.check()
    before = await place.case.documents()
    place.portal.cases.pop(place.case.number.masked)

    await place.check()
    await place.check()

    monitor = await place.case.monitor(user_id)
    assert (monitor.last_error_code, monitor.consecutive_failures) == ("process_not_found", 2)
    assert await place.case.told(user_id) == []
    assert await place.case.documents() == before


async def test_a_case_that_is_denied_loses_nothing(place: Place) -> None:
    user_id = await place.case.watch()
    await place.check()
    before = await place.case.documents()
    place.fail(Fault(kind=FaultKind.DENIED_403, times=FOR_EVER))

    await place.check()

    assert (await place.case.monitor(user_id)).last_error_code == "process_access_denied"
    assert await place.case.told(user_id) == []
    assert await place.case.documents() == before


async def test_three_days_of_failures_make_a_monitor_failing_once_until_a_check_succeeds(place: Place) -> None:
    user_id = await place.case.watch()
    await place.check()
    place.fail(Fault(kind=FaultKind.DENIED_403, times=FOR_EVER))
    await place.check()
    assert not (await place.case.monitor(user_id)).is_failing
    await place.case.fetch(
        "UPDATE watches SET failing_since = failing_since - interval '3 days' WHERE process_number = :number"
        " RETURNING 1"
    )

    await place.check()
    failing_at = (await place.watch())["failing_at"]
    assert failing_at is not None
    assert (await place.case.monitor(user_id)).is_failing
    await place.check()
    assert (await place.watch())["failing_at"] == failing_at

    place.fail()
    await place.check()
    assert not (await place.case.monitor(user_id)).is_failing
    assert (await place.watch())["failing_at"] is None


async def test_a_baseline_that_failed_is_tried_again_at_any_hour(place: Place) -> None:
    await place.case.watch()
    place.fail(Fault(kind=FaultKind.UNAVAILABLE_503))

    await place.check()

    row = await place.watch()
    assert row["check_requested_at"] is not None
    assert abs(row["check_requested_at"] - row["next_check_at"]) < timedelta(seconds=1)


async def test_a_check_that_is_cut_off_gives_its_case_back(place: Place) -> None:
    await place.case.watch()
    place.fail(Fault(kind=FaultKind.HANG))
    checking_ = asyncio.create_task(place.check())

    async def is_leased() -> bool:
        return (await place.watch())["lease_token"] is not None

    await place.until(is_leased)
    checking_.cancel()
    await asyncio.wait([checking_])

    row = await place.watch()
    assert (row["lease_token"], row["consecutive_failures"]) == (None, 0)
    assert row["check_requested_at"] is not None


@pytest.mark.parametrize(
    ("error", "failures"),
    [
        (Unavailable(ErrorCode.PORTAL_UNAVAILABLE, "no listing in time"), 0),
        # Without a token nothing is asked: the check must not begin again at once.
        (Unauthorized(), 1),
        (TokenUnavailable(ErrorCode.PORTAL_UNAVAILABLE, "no token"), 1),
    ],
    ids=["no slot", "refused token", "no token"],
)
async def test_a_check_that_gets_no_slot_has_not_failed(place: Place, error: Unavailable, failures: int) -> None:
    await place.case.watch()
    passing = Mock(admissions=1, admitted=nullcontext)
    portal = Mock(list_process=AsyncMock(side_effect=error))
    context = replace(
        place.context,
        share=Mock(job=lambda *_: nullcontext(passing)),
        portal=Mock(with_pass=lambda _passing: portal),
    )

    await check_watch.check_watch(context, await place.case.claim_check())

    row = await place.watch()
    assert (row["lease_token"], row["consecutive_failures"]) == (None, failures)


async def test_a_fault_of_this_program_does_not_check_a_case_for_ever(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = await place.case.watch()
    monkeypatch.setattr(checks, "succeed", AsyncMock(side_effect=ValueError("a defect")))

    await place.check()

    monitor = await place.case.monitor(user_id)
    assert (monitor.consecutive_failures, monitor.last_error_code) == (1, "internal_error")


async def test_the_lease_is_kept_while_the_portal_is_slow(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_INTERVAL", 0.01)
    await place.case.watch()
    place.fail(Fault(kind=FaultKind.HANG))
    checking_ = asyncio.create_task(place.check())

    async def is_leased() -> bool:
        return (await place.watch())["lease_token"] is not None

    await place.until(is_leased)
    before = (await place.watch())["lease_expires_at"]

    async def is_renewed() -> bool:
        return bool((await place.watch())["lease_expires_at"] > before)

    await place.until(is_renewed)
    checking_.cancel()
    await asyncio.wait([checking_])


async def test_a_case_that_nobody_watches_any_more_is_not_asked_for(place: Place) -> None:
    user_id, _ = await add_user(place.case.database)
    await place.case.watch(user_id)
    await place.case.fetch("DELETE FROM monitors WHERE process_number = :number RETURNING 1")
    asked = place.portal.journal.listings.get(place.case.number.masked, 0)

    await place.check()

    assert place.portal.journal.listings.get(place.case.number.masked, 0) == asked
    assert await place.case.fetch("SELECT 1 FROM watches WHERE process_number = :number") == []
