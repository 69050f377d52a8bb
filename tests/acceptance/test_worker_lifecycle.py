"""Workers that end, in order or not: what they worked on goes on elsewhere, and nothing is done twice."""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.api.authentication import new_api_key
from service.local.portal import DocumentSpec, Fault, FaultKind
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.api import Api
from tests.support.numbers import with_check_digits
from tests.support.portal import Portal
from tests.support.processes import Process, free_port, start_api, start_worker
from tests.support.subscriber import Subscriber

SLOW = Fault(kind=FaultKind.ACCEPTED_202, retry_after=2)


@dataclass
class Service:
    """A service of its own, whose workers a test may kill."""

    api: Api
    environment: dict[str, str]
    logs: Path
    workers: list[Process] = field(default_factory=list)

    async def add_worker(self) -> Process:
        """Start one more worker."""
        worker = await start_worker(self.environment, self.logs / f"worker{len(self.workers)}.log")
        self.workers.append(worker)
        return worker


@pytest.fixture
async def service(stack: Stack, api: Api, environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Service]:
    own = environment | {
        "DATABASE_URL": await create_database(stack),
        # Another number of the same server: the names of the queues are fixed.
        "REDIS_URL": environment["REDIS_URL"].removesuffix("/0") + "/1",
        "S3_BUCKET": f"test-{secrets.token_hex(6)}",
        "ADMIN_API_KEY": new_api_key(),
        "PORT": str(free_port()),
    }
    process = await start_api(own, tmp_path / "api.log")
    service = Service(Api(api.session, f"http://127.0.0.1:{own['PORT']}", own["ADMIN_API_KEY"]), own, tmp_path)
    yield service
    for each in (*service.workers, process):
        if each.is_running():
            await each.stop()


async def test_a_worker_that_is_told_to_end_hands_its_job_over(
    service: Service, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=20))
    await portal.fail_document(number, "*", SLOW)
    first = await service.add_worker()
    await service.api.process(number, webhook_url=subscriber.url(f"/{number}"))
    await service.api.until(number, lambda status: status["completed_documents"] > 0)
    await service.add_worker()

    first.send(signal.SIGTERM)

    assert await first.ended(timeout=10) == 0
    assert "Traceback" not in first.said
    (received,) = await subscriber.wait_for(f"/{number}")
    assert (received.json["status"], received.json["completed_documents"]) == ("completed", 20)
    assert await portal.downloads(number) == 20


async def test_a_worker_that_is_killed_is_replaced(
    service: Service, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=20))
    await portal.fail_document(number, "*", SLOW)
    first = await service.add_worker()
    await service.api.process(number, webhook_url=subscriber.url(f"/{number}"))
    before = await service.api.until(number, lambda status: status["completed_documents"] > 0)
    await service.add_worker()

    first.send(signal.SIGKILL)

    (received,) = await subscriber.wait_for(f"/{number}", timeout=60)
    assert (received.json["status"], received.json["completed_documents"]) == ("completed", 20)
    after = {each["id"]: each["completed_at"] for each in (await service.api.status(number))["documents"]}
    for document in before["documents"]:
        if document["status"] == "available":
            assert after[document["id"]] == document["completed_at"]


async def test_work_that_was_accepted_without_any_worker_is_done_when_one_comes(
    service: Service, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=3))
    await service.api.process(number, webhook_url=subscriber.url(f"/{number}"))

    await service.add_worker()

    (received,) = await subscriber.wait_for(f"/{number}")
    assert received.json["status"] == "completed"


async def test_two_workers_share_the_work_and_do_nothing_twice(
    service: Service, portal: Portal, subscriber: Subscriber
) -> None:
    numbers = [f"{serial:07}" for serial in range(10)]
    cases = [case_number(serial) for serial in numbers]
    for case in cases:
        await portal.put_documents(case, DocumentSpec(count=10, size=5000))
    await asyncio.gather(service.add_worker(), service.add_worker())

    await asyncio.gather(*(service.api.process(case, webhook_url=subscriber.url(f"/{case}")) for case in cases))

    for case in cases:
        (received,) = await subscriber.wait_for(f"/{case}")
        assert received.json["completed_documents"] == 10
        assert await portal.downloads(case) == 10
        assert len(subscriber.received(f"/{case}")) == 1


def case_number(serial: str) -> str:
    return with_check_digits(serial, "1989", "826", "0001")
