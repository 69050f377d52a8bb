"""A worker and the API processes that need the same case ask the portal once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from typing import Any, cast
from unittest.mock import AsyncMock, Mock
from uuid import UUID, uuid4

import pytest

from service.database.portal import listing_leases
from service.domain.errors import ErrorCode
from service.observability.metrics import WorkerMetrics
from service.portal.client import PortalClient
from service.portal.errors import NotFound, Unavailable
from tests.support.database.case_steps import CaseSteps
from tests.support.database.claims import claim_job
from tests.support.http.flights import ApiProcess, HeldPortal, api_process
from tests.support.one_worker import LIMITS
from worker.context import Context, Limits
from worker.tasks import listing_turn
from worker.tasks.download_process import claim_and_run

AWAY = Unavailable(ErrorCode.PORTAL_UNAVAILABLE, "away")


@pytest.fixture
def portal() -> HeldPortal:
    return HeldPortal()


@pytest.fixture
async def api(steps: CaseSteps, portal: HeldPortal) -> AsyncIterator[ApiProcess]:
    async with api_process(steps.database, portal) as opened:
        yield opened


@pytest.fixture
async def job_id(steps: CaseSteps) -> UUID:
    """The job of a request that was kept for the workers."""
    kept = await steps.keep()
    assert kept.job_id is not None
    return kept.job_id


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> "asyncio.Queue[bool]":
    """For each try of a worker to get the lease, whether it got it."""
    queue: asyncio.Queue[bool] = asyncio.Queue()
    take = listing_leases.take

    async def told(*given: Any, is_forced: bool, waited: timedelta) -> listing_leases.Seen:
        seen = await take(*given, is_forced=is_forced, waited=waited)
        if is_forced:
            queue.put_nowait(seen.leased is not None)
        return seen

    monkeypatch.setattr(listing_leases, "take", told)
    return queue


def work(steps: CaseSteps, portal: HeldPortal, job_id: UUID) -> "asyncio.Task[bool]":
    """A worker claims the job."""
    context = Context(
        database=steps.database,
        portal=cast("PortalClient", portal),
        metrics=WorkerMetrics(),
        queue=Mock(enqueue_delivery=AsyncMock()),
        share=Mock(job=lambda *_: nullcontext(None)),
        **{name: Mock() for name in ("store", "shutdown", "subscribers", "alerts", "notes")},
        public_url="http://127.0.0.1",
        limits=Limits(**LIMITS),
    )
    claimed = asyncio.get_running_loop().create_future()
    return asyncio.create_task(claim_and_run(context, partial(claim_job, job_id=job_id), claimed))


async def leases(steps: CaseSteps) -> list[object]:
    """The outcome that each lease of the case has."""
    return [row["outcome"] for row in await steps.fetch("SELECT outcome FROM listing_leases WHERE number = :number")]


async def status_of(steps: CaseSteps, job_id: UUID) -> str:
    (row,) = await steps.fetch("SELECT status FROM jobs WHERE id = :id AND process_number = :number", id=job_id)
    return str(row["status"])


async def test_a_request_takes_the_listing_that_a_worker_asks_for(
    steps: CaseSteps, portal: HeldPortal, api: ApiProcess, job_id: UUID
) -> None:
    working = work(steps, portal, job_id)
    await portal.came()
    asked = api.ask(steps.number)
    await api.looked_at(steps.number)

    portal.answer(steps.listing())

    await asked
    await working
    assert (portal.asked, await status_of(steps, job_id)) == (1, "completed")


async def test_a_worker_takes_the_listing_that_a_request_asks_for(
    steps: CaseSteps, portal: HeldPortal, api: ApiProcess, job_id: UUID, looks: "asyncio.Queue[bool]"
) -> None:
    asked = api.ask(steps.number)
    await portal.came()
    working = work(steps, portal, job_id)
    assert await looks.get() is False

    portal.answer(steps.listing())

    await asked
    await working
    assert (portal.asked, await status_of(steps, job_id)) == (1, "completed")


async def test_a_worker_asks_when_the_request_had_no_answer(
    steps: CaseSteps, portal: HeldPortal, api: ApiProcess, job_id: UUID, looks: "asyncio.Queue[bool]"
) -> None:
    asked = api.ask(steps.number)
    await portal.came()
    working = work(steps, portal, job_id)
    assert await looks.get() is False

    portal.answer(AWAY)
    await asyncio.wait([asked])
    await portal.came()
    portal.answer(steps.listing())

    await working
    assert (portal.asked, await status_of(steps, job_id)) == (2, "completed")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(AWAY, "unavailable"), (NotFound(ErrorCode.PROCESS_NOT_FOUND, "unknown"), "not_found")],
)
async def test_a_request_hears_how_the_listing_of_a_worker_failed(
    steps: CaseSteps, portal: HeldPortal, job_id: UUID, error: Exception, outcome: str
) -> None:
    working = work(steps, portal, job_id)
    await portal.came()

    portal.answer(error)
    await working

    assert await leases(steps) == [outcome]


async def test_a_worker_that_is_stopped_gives_the_lease_back(
    steps: CaseSteps, portal: HeldPortal, job_id: UUID
) -> None:
    working = work(steps, portal, job_id)
    await portal.came()
    assert await leases(steps) == [None]

    working.cancel()
    await asyncio.wait([working])

    assert await leases(steps) == []


async def test_a_worker_waits_for_its_turn_with_patience_only(
    steps: CaseSteps, portal: HeldPortal, job_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits longer for the portal than requests do, and several requests may come one after another."""
    monkeypatch.setattr(listing_turn, "LISTING_TURN_TIMEOUT", 0.0)
    waited = timedelta(0)
    await steps.run(lambda each: listing_leases.take(each, steps.number, uuid4(), is_forced=True, waited=waited))

    working = work(steps, portal, job_id)
    await portal.came()
    portal.answer(steps.listing())

    await working
    assert (await status_of(steps, job_id), await leases(steps)) == ("completed", [None])
