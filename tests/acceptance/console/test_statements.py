"""How many statements a page costs: a count that does not depend on the machine, nor on how much a page shows."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from service.api.framework.operations import Access
from service.console.framework.declarations import ConsoleRoute
from service.console.routes import CONSOLE_ROUTES
from service.local.simulator import DocumentSpec
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.round_trips import RoundTrips
from tests.support.http.browser import Browser
from tests.support.portal import Portal
from tests.support.servers.tcp_proxy import running_tcp_proxy
from tests.support.service import Service, running_service

STATEMENTS_MAX = 6  # of a page, the session among them
#: What a process asks at its own pace, and once for each connection.
BACKGROUND = ("dependencies (name", "SKIP LOCKED", "set_config", "typeinfo_tree", "last_used_at", "LISTEN", "UNLISTEN")
#: Paths that are no pages: streams and files.
STREAMS = {"/console/cases/{number}/events", "/console/cases/{number}/archive"}


def pages() -> list[str]:
    routes = [each for each in CONSOLE_ROUTES if isinstance(each, ConsoleRoute) and "GET" in each.declared]
    return [each.path for each in routes if each.path not in STREAMS and each.declared["GET"].access != Access.PUBLIC]


@pytest.fixture
async def observed(
    stack: Stack, session: aiohttp.ClientSession, tmp_path: Path
) -> AsyncIterator[tuple[Service, RoundTrips]]:
    """An API process without a worker, on an empty database behind an observed proxy."""
    straight, trips = await create_database(stack), RoundTrips()
    async with running_tcp_proxy(straight) as (proxy, database_url):
        proxy.observer = trips.observer
        environment = stack.endpoints.environment(bucket="") | {"DATABASE_URL": database_url}
        async with running_service(session, environment, tmp_path, database_url=straight) as running:
            yield running, trips


async def test_a_page_costs_at_most_six_statements(
    observed: tuple[Service, RoundTrips], portal: Portal, supply: Iterator[str]
) -> None:
    service, trips = observed
    numbers = next(supply), next(supply)
    for number in numbers:
        await portal.put_documents(number, DocumentSpec(count=120, size=3000))
        assert (await service.api.process(number, webhook_url="http://127.0.0.1:9000/")).json["total_documents"] == 120
    browser = await Browser.of(service.api).log_in(service.api.api_key)
    ids = {
        "number": numbers[0],
        "document_id": (await service.api.status(numbers[0]))["documents"][0]["id"],
        "user_id": (await service.api.get("/api/v1/users/me")).json["id"],
        "delivery_id": (await service.api.get("/api/v1/webhooks/deliveries")).json["items"][0]["id"],
    }
    wanted = {"url": "http://127.0.0.1:9000/", "events": ["process.completed"]}
    ids["endpoint_id"] = (await service.api.post("/api/v1/webhooks/endpoints", wanted)).json["id"]
    paths = [each.format_map(ids) for each in pages()]
    assert len(paths) > 8
    for path in paths:  # so that each statement is prepared
        assert (await browser.get(path)).status in {200, 302, 303, 409}, path

    costs = {}
    for path in paths:
        trips.forget()
        await browser.get(path)
        costs[path] = trips.count(without=BACKGROUND)

    assert {path: cost for path, cost in costs.items() if not 0 < cost <= STATEMENTS_MAX} == {}
