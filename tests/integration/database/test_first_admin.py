"""The first administrator is created once, and the log says what became of `ADMIN_API_KEY`."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from service.database.connection import Database
from service.domain.api_keys import new_api_key
from service.local.stack import Stack
from service.startup.first_admin import make_first_admin
from tests.conftest import create_database
from tests.support.deliveries.deliveries import open_pool


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A database without users."""
    async with open_pool(await create_database(stack)) as pool:
        yield pool


async def said_at_start(database: Database, key: str | None) -> list[tuple[str, str]]:
    """The level and the name of each log line of a start."""
    with capture_logs() as lines:
        await make_first_admin(database, key)
    assert key is None or key not in str(lines)
    return [(each["log_level"], each["event"]) for each in lines]


async def test_the_log_says_whether_the_key_of_a_start_was_used(database: Database) -> None:
    first, other = new_api_key(), new_api_key()

    assert await said_at_start(database, None) == []
    assert await said_at_start(database, first) == [("info", "first_admin_made")]
    assert await said_at_start(database, first) == [("info", "admin_api_key_not_needed")]
    assert await said_at_start(database, other) == [("warning", "admin_api_key_ignored")]
