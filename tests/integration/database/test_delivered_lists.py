"""Lists of delivered deliveries read only those, however many newer deliveries are open or failed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

import pytest

from service.database.connection import Connection, Database
from service.database.deliveries import delivery_history
from service.database.deliveries.delivery_history import DeliveryFilter
from service.database.users import users
from service.domain.positions import Position
from service.domain.statuses import DeliveryStatus
from service.local.stack import Stack
from service.webhooks.signature import new_secret
from tests.conftest import create_database
from tests.support.database.generic_plans import explained
from tests.support.database.many_cases import add_cases
from tests.support.database.migrations import migrate, roll_back_to
from tests.support.deliveries.deliveries import open_pool

CASES = 6_000  # of each user: nearly all are delivered, so an index by time looks as good
OPEN = 150  # the newest of each user's deliveries
LIMIT = 20
ROWS_MAX = 3 * LIMIT  # looked at for a page; the events of its deliveries are among them
BEFORE = "0034.delivered_lists"


async def fill(database: Database) -> list[UUID]:
    """Two users with as many deliveries each."""
    owners = []
    async with database.transaction() as connection:
        for place in range(2):
            owner = await users.create(
                connection, name=str(uuid4()), role="user", api_key=str(uuid4()), secret=new_secret()
            )
            first = place * CASES + 1
            await add_cases(connection, owner, first=first, last=first + CASES - 1, documents=0)
            await connection.execute("DROP TABLE places")
            owners.append(owner)
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "UPDATE deliveries SET status = 'failed' WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"
            " (PARTITION BY user_id ORDER BY created_at DESC) AS place FROM deliveries) AS ranked"
            " WHERE place <= :open)",
            {"open": OPEN},
        )
    async with database.connection() as connection:
        await connection.execute("ANALYZE")
    return owners


@pytest.fixture(scope="module")
async def filled(stack: Stack) -> AsyncIterator[tuple[Database, list[UUID]]]:
    async with open_pool(await create_database(stack)) as pool:
        yield pool, await fill(pool)


@pytest.mark.parametrize("is_generic", [False, True], ids=["", "generic plan"])
@pytest.mark.parametrize("is_own", [False, True], ids=["everybody's", "own"])
@pytest.mark.parametrize("is_first", [False, True], ids=["further page", "first page"])
@pytest.mark.parametrize("since", [None, timedelta(days=365)], ids=["", "since"])
async def test_newer_ones_that_are_not_delivered_are_not_read(
    filled: tuple[Database, list[UUID]], since: timedelta | None, *, is_first: bool, is_own: bool, is_generic: bool
) -> None:
    database, (owner, _other) = filled
    now = datetime.now(UTC)
    wanted = DeliveryFilter(
        user_id=owner if is_own else None,
        status=DeliveryStatus.DELIVERED,
        since=None if since is None else now - since,
    )
    after = None if is_first else Position(now, UUID(int=0))
    async with database.connection() as connection:
        found = await delivery_history.page(connection, wanted, after=after, limit=LIMIT)
        explanation = explained(connection, is_generic=is_generic)
        await delivery_history.page(cast(Connection, explanation), wanted, after=after, limit=LIMIT)

    assert len(found) == LIMIT
    assert {each.status for each in found} == {DeliveryStatus.DELIVERED}
    assert max(plan.rows for plan in explanation.plans) <= ROWS_MAX


async def test_the_migration_can_be_taken_back_and_made_again(stack: Stack) -> None:
    url = await create_database(stack)
    async with open_pool(url) as pool:
        await fill(pool)
        await roll_back_to(url, BEFORE)

        assert BEFORE in await migrate(url)
        await roll_back_to(url, BEFORE)
        assert BEFORE in await migrate(url)
