"""A client for one test, and deliveries without a download."""

from collections.abc import AsyncIterator

import pytest

from service.database.connection import Database
from tests.support.deliveries.deliveries import Sender, add_user, open_pool, open_sender
from tests.support.http.api import Api


@pytest.fixture(scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database of the processes under test."""
    async with open_pool(database_url) as pool:
        yield pool


@pytest.fixture
async def client(api: Api, database: Database) -> Api:
    """A new client, whose secret, deliveries and limits no other test uses."""
    return api.with_key((await add_user(database))[1])


@pytest.fixture(scope="module")
async def sender(api: Api, database: Database, environment: dict[str, str]) -> AsyncIterator[Sender]:
    """Lets the service send deliveries."""
    async with open_sender(database, environment["REDIS_URL"]) as opened:
        yield opened
