"""The migrations of deliveries, on a database of the previous version with data."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from service.local.stack import Stack
from tests.support.database.migrations import create_before, migrate, roll_back_to
from tests.support.deliveries.deliveries import NUMBER

_HOST_OF_THE_OLD = "INSERT INTO delivery_hosts (host) VALUES ('%s') ON CONFLICT DO NOTHING"
_USER = "INSERT INTO users (id, name, role) VALUES ($1, $2, 'user')"
_EVENT = "INSERT INTO events (id, process_number, type, body) VALUES ($1, $2, 'process.completed', '{}')"
_DELIVERY = (
    "INSERT INTO deliveries (id, process_number, event_id, user_id, url, status, next_attempt_at, ring_at)"
    " VALUES (gen_random_uuid(), $1, $2, $3, $4, 'scheduled', now(), now())"
)


async def rows_of(connection: Any, query: str) -> set[tuple[Any, ...]]:
    return {tuple(each) for each in await connection.fetch(query)}


async def add_history(connection: Any) -> tuple[UUID, UUID]:
    """Two users with open deliveries to a failing host, one of them to a healthy one too."""
    first, second, event_id = uuid4(), uuid4(), uuid4()
    for user_id in (first, second):
        await connection.execute(_USER, user_id, str(user_id))
    await connection.execute("INSERT INTO processes (number) VALUES ($1)", NUMBER.digits)
    await connection.execute(_EVENT, event_id, NUMBER.digits)
    for user_id, host in ((first, "failing"), (first, "failing"), (second, "failing"), (second, "healthy")):
        await connection.execute(_DELIVERY, NUMBER.digits, event_id, user_id, f"https://{host}.example/")
    await connection.execute(
        "INSERT INTO delivery_hosts (host, failures)"
        " VALUES ('failing.example', 7), ('healthy.example', 0), ('forgotten.example', 9)"
    )
    return first, second


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_the_failures_of_a_host_are_those_of_each_of_its_users(stack: Stack) -> None:
    url = await create_before(stack, "0015")
    async with connected(url) as connection:
        first, second = await add_history(connection)

        await migrate(url)

        assert await rows_of(connection, "SELECT host, user_id, failures FROM delivery_hosts") == {
            ("failing.example", first, 7),
            ("failing.example", second, 7),
            ("healthy.example", second, 0),
        }
        # A process of the previous version, which has no users of a host, goes on.
        await connection.execute(_HOST_OF_THE_OLD % "failing.example")
        await connection.execute("UPDATE delivery_hosts SET failures = failures + 1 WHERE host = 'failing.example'")

        await roll_back_to(url, "0015")

        hosts = await rows_of(connection, "SELECT host, failures FROM delivery_hosts")
        assert hosts == {("failing.example", 8), ("healthy.example", 0)}
        assert "0016.delivery_turns" in await migrate(url)


async def test_what_was_cancelled_counts_as_given_up_in_the_version_before(stack: Stack) -> None:
    url = await create_before(stack, "0022")
    async with connected(url) as connection:
        await add_history(connection)

        await migrate(url)
        await connection.execute(
            "UPDATE deliveries SET status = 'cancelled', next_attempt_at = NULL, ring_at = NULL, completed_at = now()"
            " WHERE host = 'failing.example'"
        )
        statuses = "SELECT status, alerted_at IS NOT NULL FROM deliveries"
        assert await rows_of(connection, statuses) == {("cancelled", False), ("scheduled", False)}
        await roll_back_to(url, "0022")

        assert await rows_of(connection, statuses) == {("failed", True), ("scheduled", False)}
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("UPDATE deliveries SET status = 'cancelled'")
        assert "0022.cancelled_deliveries" in await migrate(url)
