"""Operators get one alert of a job most of whose documents failed."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import pytest

from service.database.jobs.job_alerts import MostlyFailed, Topic
from service.local.simulator import DocumentSpec, Fault, FaultKind
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.deliveries.alerts import Witness, look
from tests.support.deliveries.deliveries import open_pool
from tests.support.portal import Portal
from tests.support.servers.mailbox import Mailbox, running_mailbox
from tests.support.servers.subscriber import Subscriber
from tests.support.service import Service, running_service
from worker.loops.alerts import describe_jobs

Start = Callable[..., AbstractAsyncContextManager[Service]]
MISSING = Fault(kind=FaultKind.NOT_FOUND_404, times=-1)


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with running_mailbox() as running:
        yield running


@asynccontextmanager
async def running(stack: Stack, session: aiohttp.ClientSession, logs: Path, **changes: str) -> AsyncIterator[Service]:
    base = stack.endpoints.environment(bucket="")
    environment = base | {
        "DATABASE_URL": await create_database(stack),
        "REDIS_URL": base["REDIS_URL"].removesuffix("/0") + "/7",
        **changes,
    }
    async with running_service(session, environment, logs) as service:
        await service.add_worker()
        yield service


@pytest.fixture
def start(stack: Stack, session: aiohttp.ClientSession, tmp_path: Path) -> Start:
    """Starts a service, with some variables of its own."""
    return functools.partial(running, stack, session, tmp_path)


async def put_case(portal: Portal, number: str, *, good: int, bad: int) -> None:
    origins = [f"7{serial}" for serial in range(bad)]
    specs = [DocumentSpec(origin_id=origin, size=3000) for origin in origins]
    await portal.put_documents(number, *[DocumentSpec(count=good, size=3000)] * bool(good), *specs)
    for origin in origins:
        await portal.fail_document(number, origin, MISSING)


async def told(service: Service, witness: Witness) -> str:
    """The alerts of several workers that check at the same time."""
    async with open_pool(service.database_url) as database:
        messages = await look(database, witness, Topic.JOBS, workers=4)
    assert len(messages) <= 1
    return "".join(messages)


async def test_it_is_told_once_and_without_secrets(
    start: Start,
    portal: Portal,
    subscriber: Subscriber,
    mailbox: Mailbox,
    number: str,
) -> None:
    await put_case(portal, number, good=1, bad=2)
    async with start(ALERT_URLS=mailbox.url) as service:
        url = f"{subscriber.url(f'/{number}')}?token=hidden-token"
        job_id = (await service.api.process(number, webhook_url=url)).json["job_id"]
        await mailbox.wait_for(1)
        logs = service.workers[0].said

    (message,) = mailbox.messages
    assert message["title"] == "Autos: most documents of 1 job have failed"
    assert f"{job_id}: 2 of 3 documents" in message["message"]
    for secret in ("hidden-token", subscriber.base_url, f"/{number}"):
        assert secret not in str(message)
    for secret in ("hidden-token", "target-password"):
        assert secret not in logs


async def test_only_jobs_most_of_whose_documents_failed_are_told_and_each_by_one_worker(
    start: Start, portal: Portal, supply: Iterator[str]
) -> None:
    half, most, whole, unknown = (next(supply) for _ in range(4))
    await put_case(portal, half, good=1, bad=1)
    await put_case(portal, most, good=1, bad=2)
    await put_case(portal, whole, good=2, bad=0)
    await portal.put_documents(unknown, DocumentSpec())
    await portal.fail_listing(
        unknown, Fault(kind=FaultKind.UNAVAILABLE_503), Fault(kind=FaultKind.DENIED_403, times=-1)
    )
    async with start() as service:
        asked = {number: await service.api.process(number) for number in (half, most, whole, unknown)}
        await service.fetch("UPDATE jobs SET ring_at = now() WHERE status = 'pending'")
        await service.until("SELECT 1 FROM jobs WHERE completed_at IS NOT NULL HAVING count(*) = 4")

        witness = Witness()
        message = await told(service, witness)

        assert f"{asked[most].json['job_id']}: 2 of 3 documents" in message
        assert [title for title, _body in witness.heard] == ["Autos: most documents of 1 job have failed"]
        assert await told(service, witness) == ""


async def test_a_job_is_judged_by_its_own_documents_not_by_those_of_the_case(
    start: Start, portal: Portal, number: str
) -> None:
    await put_case(portal, number, good=4, bad=1)
    async with start() as service:
        await service.api.process(number)
        await service.api.ended(number)
        witness = Witness()
        first = await told(service, witness)
        again = (await service.api.process(number)).json["job_id"]
        await service.until("SELECT 1 FROM jobs WHERE id = $1 AND completed_at IS NOT NULL", UUID(again))

        assert first == ""
        assert f"{again}: 1 of 1 documents" in await told(service, witness)


def test_many_jobs_make_one_message_of_bounded_length() -> None:
    title, body = describe_jobs([MostlyFailed(uuid4(), datetime.now(UTC), 3, 4) for _ in range(500)])

    assert title == "Autos: most documents of 500 jobs have failed"
    assert body.count("3 of 4 documents") == 10
    assert "and 490 more" in body
