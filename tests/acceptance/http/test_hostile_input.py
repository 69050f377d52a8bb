"""Thousands of hostile requests: each gets a problem, and the service stays as it was."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from service.api.framework.operations import OperationRoute
from service.api.routes import ROUTES
from service.http.problems import CATALOGUE
from service.local.simulator import DocumentSpec
from tests.support.http.api import Api
from tests.support.http.hostile import Generator, Hostile
from tests.support.http.raw_http import RawAnswer, RawConnection, connect
from tests.support.portal import Portal
from tests.support.service import Service, running_service

COUNTS = [1_000, pytest.param(10_000, marks=pytest.mark.long)]
WARM_UP = 1_000  # requests after which the process has loaded everything
CONNECTIONS = 16
GROWTH = 24 * 1024  # KiB
PATIENCE = 60.0  # seconds for one answer


pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def service(
    session: aiohttp.ClientSession, environment: dict[str, str], tmp_path: Path
) -> AsyncIterator[Service]:
    """A separate API process, whose log and memory no other test changes."""
    async with running_service(session, environment, tmp_path) as running:
        yield running


@pytest.mark.parametrize("count", COUNTS)
async def test_hostile_requests_are_refused_and_change_nothing(service: Service, count: int) -> None:
    generator = Generator(20261121, operations(), service.api.api_key or "")
    requests = generator.requests(count)
    (process,) = service.apis
    seen: Counter[str] = Counter()
    findings: list[str] = []

    await attack(service, [next(requests) for _ in range(WARM_UP)], seen, findings)
    before = resident(process.pid)
    await attack(service, requests, seen, findings)

    after = resident(process.pid)
    assert findings == []
    assert sum(seen.values()) == count
    assert after - before < GROWTH, f"{before} KiB, then {after} KiB"
    assert (await service.api.get("/health/ready")).status == 200
    assert (await service.api.get("/api/v1/webhooks/secret")).status == 200
    assert lies(process.said) == []


def operations() -> list[tuple[str, str]]:
    routes = [route for route in ROUTES if isinstance(route, OperationRoute)]
    assets = [("GET", "/docs/assets/swagger-ui.css"), ("GET", "/docs/assets/{document_id}")]
    found = [(method, route.path) for route in routes for method in route.operations]
    # The bucket of this service is empty: archives of files of another service would break off.
    return [each for each in found if not each[1].endswith("/archive")] + assets


async def test_of_events_that_do_not_end_the_first_is_an_answer(
    api: Api, portal: Portal, number: str, environment: dict[str, str]
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await portal.hold(number)
    await api.process(number)
    head = f"GET /api/v1/processes/{number}/events HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {api.api_key}\r\n\r\n"
    follow = Hostile("events", head.encode())

    (answer,) = await exchange(int(environment["PORT"]), follow)

    await portal.let_go(number)
    assert answer.body.startswith(b"event: snapshot\r\n")
    assert list(wrongs(follow, [answer])) == []


async def attack(
    service: Service, requests: Iterator[Hostile] | list[Hostile], seen: Counter[str], findings: list[str]
) -> None:
    """Send them over several connections at a time, and note wrong responses."""
    port, source = int(service.environment["PORT"]), iter(requests)

    async def one_by_one() -> None:
        for hostile in source:
            try:
                async with asyncio.timeout(PATIENCE):
                    answers = await exchange(port, hostile)
            except TimeoutError:
                findings.append(f"{hostile.kind}: no whole answer: {hostile.data[:300]!r}")
                continue
            seen[hostile.kind] += 1
            findings.extend(f"{hostile.kind}: {reason}: {hostile.data[:300]!r}" for reason in wrongs(hostile, answers))

    await asyncio.gather(*(one_by_one() for _ in range(CONNECTIONS)))


async def exchange(port: int, hostile: Hostile) -> list[RawAnswer]:
    """The first response; none for a request that never ends."""
    connection = await connect(port)
    try:
        await connection.send(hostile.data)
        if not hostile.is_whole:
            return []
        return [answer async for answer in first(connection, hostile)]
    except ConnectionError:
        return []
    finally:
        await connection.close()


async def first(connection: RawConnection, hostile: Hostile) -> AsyncIterator[RawAnswer]:
    answer = await connection.answer(to_head=hostile.is_head)
    while answer is not None and answer.status == 100:
        answer = await connection.answer(to_head=hostile.is_head)
    if answer is not None:
        yield answer


def wrongs(hostile: Hostile, answers: list[RawAnswer]) -> Iterator[str]:
    """The faults of a response."""
    if not answers and hostile.is_whole and not hostile.may_be_cut:
        yield "no answer"
    for answer in answers:
        # The simulated portal may be late on a busy machine.
        if not 200 <= answer.status < 500 and answer.code != "portal_unavailable":
            yield f"status {answer.status}"
        if answer.status >= 400 and not hostile.is_head and answer.code not in CATALOGUE:
            yield f"no problem: {answer}"
        if len(answer.headers.get("x-request-id", "").split(",")) != 1 or "x-evil" in answer.headers:
            yield f"headers: {answer.headers}"
        if answer.headers.get("x-content-type-options") != "nosniff" or "server" in answer.headers:
            yield f"headers: {answer.headers}"
        if b"Traceback" in answer.body:
            yield "a traceback"


def lies(log: str) -> list[str]:
    """Log lines that are not JSON, are forged, or show something unexpected."""
    found = []
    for text in log.splitlines():
        try:
            line: dict[str, Any] = json.loads(text)
        except ValueError:
            found.append(text)
            continue
        if line["event"] == "forged" or line["level"] not in {"info", "warning"} or "exception" in line:
            found.append(text[:2000])
    return found


def resident(pid: int) -> int:
    """Memory of a process, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])
