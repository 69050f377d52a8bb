"""A database for these tests, so that all overdue deliveries are theirs."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from uuid import UUID

import pytest
from aiohttp import web

from service.database.connection import Database
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.deliveries.deliveries import add_user, open_pool

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Start = Callable[[Answer], Awaitable[str]]


@pytest.fixture(scope="module")
async def database(stack: Stack) -> AsyncIterator[Database]:
    """One database for each file."""
    async with open_pool(await create_database(stack), size=10) as pool:
        yield pool


@pytest.fixture
async def user_id(database: Database) -> UUID:
    """A user for one test: a message for a delivery may start any other delivery of the same user and host."""
    return (await add_user(database))[0]


@pytest.fixture(scope="session")
def _hosts() -> Iterator[int]:
    return count(1)


@pytest.fixture
def url(_hosts: Iterator[int]) -> str:
    """A URL with a host that no other test calls."""
    return f"https://host{next(_hosts)}.example.com/hook?token=hidden"


@pytest.fixture
async def receiver() -> AsyncIterator[Start]:
    """Starts servers that respond as a function says, and returns their URLs."""
    runners: list[web.AppRunner] = []

    async def start(answer: Answer) -> str:
        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", answer)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/hook"

    yield start
    for runner in runners:
        await runner.cleanup()
