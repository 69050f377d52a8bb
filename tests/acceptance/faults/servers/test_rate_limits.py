"""The rate limits while Valkey is killed, frozen, full or away: no request waits for it, and limits stay."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis.asyncio

from service.local.stack import Stack
from tests.acceptance.faults.conftest import Wires
from tests.conftest import create_database
from tests.support.deliveries.deliveries import add_user, open_pool
from tests.support.http.api import Api
from tests.support.service import running_service

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

SECRET = "/api/v1/webhooks/secret"
BUDGET = 20
PROBES = 5  # requests during an outage that were heard by Valkey, though it did not answer, at most
Outage = Callable[[Stack, Wires], Any]


@asynccontextmanager
async def silent(_servers: Stack, wires: Wires) -> AsyncIterator[None]:
    wires.valkey.go_silent()
    yield
    wires.valkey.bring_back()


@asynccontextmanager
async def killed(servers: Stack, _wires: Wires) -> AsyncIterator[None]:
    await asyncio.to_thread(servers.kill_server, "valkey")
    try:
        yield
    finally:
        await asyncio.to_thread(servers.start_server, "valkey")


@asynccontextmanager
async def frozen(servers: Stack, _wires: Wires) -> AsyncIterator[None]:
    await asyncio.to_thread(servers.pause_server, "valkey")
    try:
        yield
    finally:
        await asyncio.to_thread(servers.resume_server, "valkey")


@asynccontextmanager
async def full(servers: Stack, _wires: Wires) -> AsyncIterator[None]:
    connection = redis.asyncio.Redis.from_url(servers.endpoints.redis_url)
    await connection.config_set("maxmemory", 1)
    try:
        yield
    finally:
        await connection.config_set("maxmemory", 0)
        await connection.aclose()


@pytest.mark.parametrize(
    "outage", [frozen, *(pytest.param(each, marks=pytest.mark.long) for each in (silent, killed, full))]
)
async def test_the_limit_holds_in_each_process_until_it_is_shared_again(
    outage: Outage, servers: Stack, wires: Wires, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    database_url = await create_database(servers)
    limits = {"DATABASE_URL": database_url, "RATE_LIMIT_REQUESTS": f"{BUDGET}/day"}
    # Without a proxy if none has to be cut: a request waits for Valkey for only half a second.
    endpoints = wires.endpoints if outage is silent else servers.endpoints
    async with running_service(session, endpoints.environment(bucket="") | limits, tmp_path) as service:
        async with open_pool(database_url) as database:
            _, api_key = await add_user(database)
        one = Api(session, service.api.base_url, api_key)
        other = Api(session, (await service.add_api()).base_url, api_key)
        assert [await asked(one), await asked(other)] == [(200, BUDGET - 1), (200, BUDGET - 2)]

        async with outage(servers, wires):
            without = [await asked(one) for _ in range(BUDGET + 1)]

        assert without == [(200, left) for left in reversed(range(BUDGET))] + [(429, 0)]
        async with asyncio.timeout(60):
            while not service.apis[0].has_said("rate_limits_shared_again"):
                await asyncio.sleep(0.2)
                last = await asked(one)
        # Requests before the outage still count, and those that Valkey got during it, unless Valkey lost its data.
        assert last in {(200, left) for left in (*range(BUDGET - 3 - PROBES, BUDGET - 2), BUDGET - 1)}
        assert await asked(other) == (200, last[1] - 1)
        assert service.apis[0].said.count("rate_limits_counted_locally") == 1


async def asked(api: Api) -> tuple[int, int]:
    """The status code, and the rest of the budget."""
    answer = await api.get(SECRET)
    return answer.status, int(answer.headers["RateLimit-Remaining"])
