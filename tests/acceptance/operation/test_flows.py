"""How much of the product one request, one job and one delivery pass. `docs/architecture.md` has the same figures."""

import asyncio
import json
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from service.local.simulator import DocumentSpec
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.numbers import with_check_digits
from tests.support.portal import Portal
from tests.support.processes import REPOSITORY, Process
from tests.support.servers.subscriber import Subscriber
from tests.support.service import Service, running_service

NUMBER = with_check_digits("0000012", "1991", "826", "0001")
COUNTING = REPOSITORY / "tests" / "support" / "sitecustomize" / "counted_calls"
PAGE = REPOSITORY / "docs" / "architecture.md"
Calls = Mapping[str, int]


@dataclass
class Flows:
    """The calls of each flow, by file and function."""

    request: Calls
    job: Calls
    delivery: Calls


async def counted(process: Process, directory: Path) -> dict[str, Calls]:
    """End the count of a process; the calls of each id."""
    process.send(signal.SIGUSR2)
    written = directory / f"{process.pid}.json"
    async with asyncio.timeout(60):
        while not written.exists():  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)
    found: dict[str, Calls] = json.loads(written.read_text())
    return found


async def ask_and_wait(service: Service, subscriber: Subscriber) -> tuple[str, str]:
    """Request a new case with a webhook, and wait until its job and its delivery have ended. Return both."""
    path = f"/api/v1/processes/{NUMBER}"
    answer = await service.api.get(path, headers={"X-Request-ID": "cold"}, webhook_url=subscriber.url("/flows"))
    assert answer.status == 200
    ended = "SELECT id, job_id FROM deliveries WHERE status = 'delivered'"
    ((delivery_id, job_id),) = await service.until(ended)
    return str(job_id), str(delivery_id)


@pytest.fixture(scope="module")
async def flows(
    stack: Stack,
    session: aiohttp.ClientSession,
    portal: Portal,
    subscriber: Subscriber,
    tmp_path_factory: pytest.TempPathFactory,
) -> Flows:
    """One case of one document, from the request to its webhook."""
    await portal.put_documents(NUMBER, DocumentSpec(count=1))
    directory = tmp_path_factory.mktemp("flows")
    environment = stack.endpoints.environment(bucket="")
    environment |= {
        "DATABASE_URL": await create_database(stack),
        "REDIS_URL": environment["REDIS_URL"].removesuffix("/0") + "/8",
        "PYTHONPATH": str(COUNTING),
        "COUNTED": str(directory),
    }
    async with running_service(session, environment, directory) as service:
        worker = await service.add_worker()
        for process in (*service.apis, worker):
            process.send(signal.SIGUSR1)
        job, delivery = await ask_and_wait(service, subscriber)
        of_api, of_worker = await counted(service.apis[0], directory), await counted(worker, directory)
    return Flows(of_api["cold"], of_worker[job], of_worker[delivery])


def files(calls: Calls) -> set[str]:
    return {each.partition(" ")[0] for each in calls}


def test_the_number_is_parsed_and_the_key_is_hashed_once(flows: Flows) -> None:
    once = ("service/api/framework/parameters.py parsed_number", "service/domain/api_keys.py key_hash")

    assert {each: flows.request[each] for each in once} == dict.fromkeys(once, 1)


@pytest.mark.parametrize("flow", ["request", "job", "delivery"])
def test_a_flow_passes_no_more_files_than_the_page_says(flows: Flows, flow: str) -> None:
    said = re.search(rf"^\| {flow} \|.* \| ([0-9]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert said is not None

    passed = files(getattr(flows, flow))

    assert len(passed) <= int(said[1]), sorted(passed)
