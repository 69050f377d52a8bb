"""The metrics of both processes: events, states, and no case or client in a label."""

import asyncio
import base64
import math
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from service.local.simulator import DocumentSpec, Fault, FaultKind
from service.local.stack import Stack
from tests.acceptance.operation.test_startup import API, WORKER, run
from tests.conftest import create_database
from tests.support.metrics import Scrape, scrape
from tests.support.portal import Portal
from tests.support.processes import free_port
from tests.support.servers.subscriber import Subscriber
from tests.support.servers.tcp_proxy import TcpProxy, running_tcp_proxy
from tests.support.service import Service, running_service

ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}|[0-9]{6}|://")


@dataclass(frozen=True)
class Place:
    """A service with a proxy to its database that a test may cut."""

    service: Service
    wire: TcpProxy

    async def api(self) -> Scrape:
        return await scrape(self.service.api.session, self.service.environment["PORT"])

    async def api_with_database(self) -> Scrape:
        """The metrics of the API when its database responds in time for a scrape."""
        async with asyncio.timeout(60):
            while (shown := await self.api()).value("autos_database_up") != 1:  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.1)
        return shown

    async def worker(self) -> Scrape:
        return await scrape(self.service.api.session, self.service.environment["WORKER_METRICS_PORT"])

    async def worker_until(self, name: str, **labels: str) -> Scrape:
        """The metrics of the worker after it has counted something."""
        async with asyncio.timeout(60):
            while not (shown := await self.worker()).value(name, **labels) >= 1:  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.1)
        return shown

    async def add_case(self, portal: Portal, number: str) -> int:
        """Add three documents, one of which the portal does not have, and return the bytes of the others."""
        missing = DocumentSpec(origin_id="77", size=3000)
        await portal.put_documents(number, DocumentSpec(count=2, size=3000), missing)
        await portal.fail_document(number, "77", Fault(kind=FaultKind.NOT_FOUND_404, times=-1))
        documents = await portal.documents(number)
        return sum(each["size"] for each in documents if each["idOrigem"] != "77")


@asynccontextmanager
async def running(stack: Stack, session: aiohttp.ClientSession, logs: Path, **changes: str) -> AsyncIterator[Place]:
    straight = await create_database(stack)
    async with running_tcp_proxy(straight) as (wire, database_url):
        base = stack.endpoints.environment(bucket="")
        environment = base | {
            "DATABASE_URL": database_url,
            "REDIS_URL": base["REDIS_URL"].removesuffix("/0") + "/6",
            "WORKER_METRICS_PORT": str(free_port()),
            **changes,
        }
        async with running_service(session, environment, logs, database_url=straight) as service:
            yield Place(service, wire)


@pytest.fixture
async def place(stack: Stack, session: aiohttp.ClientSession, tmp_path: Path) -> AsyncIterator[Place]:
    async with running(stack, session, tmp_path) as opened:
        yield opened


async def test_a_job_is_seen_from_its_request_to_its_last_delivery(
    place: Place, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    stored = await place.add_case(portal, number)
    subscriber.answer(f"/{number}", 500)
    asked = await place.service.api.process(number, webhook_url=subscriber.url(f"/{number}"))
    waiting = await place.api_with_database()
    await place.service.add_worker()
    await subscriber.wait_for(f"/{number}", 2)
    worker = await place.worker_until("autos_delivery_attempts_total", outcome="delivered", status="delivered")
    api = await place.api_with_database()

    assert asked.status == 200
    assert waiting.series("autos_jobs") == {("pending",): 1}
    assert waiting.value("autos_oldest_waiting_job_seconds") > 0
    assert waiting.series("autos_deliveries") == {("waiting",): 1}
    assert api.series("autos_jobs") == api.series("autos_deliveries") == {}
    assert (api.value("autos_oldest_waiting_job_seconds"), api.value("autos_oldest_due_delivery_seconds")) == (0, 0)
    route = "/api/v1/processes/{number}"
    assert api.value("autos_http_requests_total", method="GET", route=route, status="200") == 1
    assert api.value("autos_http_request_seconds_count", method="GET", route=route) == 1
    assert api.series("autos_portal_calls_total") == {("listing", "ok"): 1}
    assert_worker_saw_it(worker, stored)


def assert_worker_saw_it(worker: Scrape, stored: int) -> None:
    assert worker.series("autos_documents_total") == {("", "available"): 2, ("document_not_found", "failed"): 1}
    assert worker.value("autos_transferred_bytes_total", outcome="stored") == stored
    assert worker.series("autos_jobs_ended_total") == {("failed",): 1}
    assert worker.value("autos_job_queue_seconds_count") == 1
    assert worker.value("autos_job_queue_seconds_sum") > 0
    assert worker.series("autos_portal_calls_total") == {("document", "ok"): 2, ("document", "not_found"): 2}
    assert worker.value("autos_portal_answer_seconds_count", kind="document") == 4
    attempts = worker.series("autos_delivery_attempts_total")
    assert attempts == {("status", "scheduled"): 1, ("delivered", "delivered"): 1}
    assert worker.value("process_resident_memory_bytes") > 0


async def test_a_delivery_that_was_given_up_counts(
    place: Place, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(size=3000))
    subscriber.answer(f"/{number}", 410)
    before = await place.api_with_database()
    await place.service.add_worker()
    await place.service.api.process(number, webhook_url=subscriber.url(f"/{number}"))
    await place.service.until("SELECT 1 FROM deliveries WHERE completed_at IS NOT NULL")

    after = await place.api_with_database()

    assert before.value("autos_deliveries", status="failed") == 0
    assert after.series("autos_deliveries") == {("failed",): 1}


async def test_no_label_names_a_case_a_client_or_what_a_client_wrote(
    place: Place, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await place.add_case(portal, number)
    await place.service.add_worker()
    answer = await place.service.api.process(number, webhook_url=subscriber.url(f"/{number}"))
    await subscriber.wait_for(f"/{number}")
    await place.service.api.get(f"/api/v1/jobs/{answer.json['job_id']}")
    before = await place.api()
    for turn in range(20):
        await place.service.api.get(f"/nothing/{turn}")
        await place.service.api.get(f"/api/v1/processes/wrong-{turn}")
        async with place.service.api.session.request(f"VERB{turn}", f"{place.service.api.base_url}/a/{turn}"):
            pass
    after, worker = await place.api(), await place.worker()

    for sample in (*after.samples, *worker.samples):
        written = [value for name, value in sample.labels.items() if name != "le"]
        assert not any(ID.search(value) for value in written), sample
    new = {key for key, _ in after.series("autos_http_requests_total").items()}
    new -= {key for key, _ in before.series("autos_http_requests_total").items()}
    assert new <= {
        ("GET", "unmatched", "404"),
        ("other", "unmatched", "404"),
        ("GET", "/api/v1/processes/{number}", "400"),
        ("GET", "/metrics", "200"),
    }


async def test_a_scrape_is_answered_while_the_database_is_away(place: Place) -> None:
    with_it = await place.api_with_database()
    place.wire.take_away()
    without = await place.api()
    place.wire.bring_back()
    again = await place.api_with_database()

    assert without.value("autos_database_up") == 0
    assert not math.isnan(with_it.value("autos_jobs", status="pending"))
    assert math.isnan(without.value("autos_jobs", status="pending"))
    assert without.series("autos_http_requests_total")
    assert again.value("autos_jobs", status="pending") == 0


async def test_the_pool_is_seen(place: Place) -> None:
    await place.service.add_worker()

    for shown in (await place.api(), await place.worker()):
        assert shown.value("autos_database_connections_limit") == 10
        in_use = shown.value("autos_database_connections", state="in_use")
        assert 1 <= in_use + shown.value("autos_database_connections", state="idle") <= 10


async def test_a_portal_that_fails_is_seen(place: Place, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec())
    await portal.fail_listing(number, Fault(kind=FaultKind.UNAVAILABLE_503), Fault(kind=FaultKind.TOO_MANY_429))
    for _turn in range(2):
        await place.service.api.process(number)

    calls = (await place.api()).series("autos_portal_calls_total")

    assert calls == {("listing", "unavailable"): 1, ("listing", "busy"): 1}


async def test_the_life_of_the_token_is_seen_and_the_token_is_not(
    stack: Stack, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    token = made_up_token(exp=int(time.time()) + 5000)
    async with running(stack, session, tmp_path, PDPJ_TOKEN=token) as place:
        await place.service.add_worker()
        shown = await place.api(), await place.worker()

    for scrape_ in shown:
        assert 0 < scrape_.value("autos_portal_token_remaining_seconds", source="configured") <= 5000
        assert token not in scrape_.text
    assert shown[0].value("autos_portal_token_refused") == 0


async def test_a_token_that_does_not_say_when_it_ends_has_no_known_life(place: Place) -> None:
    shown = await place.api()

    assert 'autos_portal_token_remaining_seconds{source="configured"} NaN' in shown.text


async def test_metrics_can_be_kept_from_clients_on_a_port_of_their_own(
    stack: Stack, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    port = free_port()
    async with running(stack, session, tmp_path, METRICS_PORT=str(port)) as place:
        on_the_port_of_clients = await place.service.api.get("/metrics")
        shown = await scrape(session, port)

    assert on_the_port_of_clients.status == 404
    assert shown.value("autos_database_up") == 1


async def test_metrics_are_open_on_one_address_only_if_one_is_given(
    stack: Stack, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    port = free_port()
    async with running(stack, session, tmp_path, METRICS_PORT=str(port), METRICS_ADDRESS="127.0.0.2"):
        async with session.get(f"http://127.0.0.2:{port}/metrics") as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientConnectionError):
            await scrape(session, port)


async def test_an_address_that_the_machine_does_not_have_is_named(
    environment: dict[str, str], api_process: object
) -> None:
    own = {"PORT": str(free_port()), "METRICS_PORT": str(free_port()), "METRICS_ADDRESS": "192.0.2.1"}

    ended = await run(API, environment | own)

    ended.assert_one_clear_line("METRICS_ADDRESS: 192.0.2.1 is no address of this machine")


async def test_metrics_can_be_switched_off(stack: Stack, session: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with running(stack, session, tmp_path, METRICS_ENABLED="false") as place:
        await place.service.add_worker()
        answer = await place.service.api.get("/metrics")
        with pytest.raises(aiohttp.ClientConnectionError):
            await place.worker()

    assert (answer.status, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("command", "setting"), [(API, "METRICS_PORT"), (WORKER, "WORKER_METRICS_PORT")], ids=["api", "worker"]
)
async def test_a_port_that_is_taken_is_named(
    environment: dict[str, str], api_process: object, command: list[str], setting: str
) -> None:
    ended = await run(command, environment | {"PORT": str(free_port()), setting: environment["PORT"]})

    ended.assert_one_clear_line(f"{setting}: the port {environment['PORT']} cannot be opened")


def made_up_token(**claims: Any) -> str:
    """A token in the form of a JWT, with an invalid signature."""
    parts = (msgspec.json.encode({"alg": "none"}), msgspec.json.encode(claims), b"nothing")
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
