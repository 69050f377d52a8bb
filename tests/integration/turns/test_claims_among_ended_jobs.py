"""Claims in a database after months of work: nearly all of its jobs have ended."""

from collections.abc import AsyncIterator
from typing import cast
from uuid import uuid4

import pytest

from service.database.connection import Connection, Database
from service.database.jobs import turns
from service.database.jobs.turns import Claimer
from service.local.stack import Stack
from tests.conftest import create_database as create_empty
from tests.support.database.plans import Explained
from tests.support.database.turns import Turns
from tests.support.database.waiting_jobs import add_waiting
from tests.support.deliveries.deliveries import open_pool

WAITING = 2_000
ENDED = 400_000  # with 100,000 PostgreSQL chose as it should
PART = 50_000
ROWS_MAX = 100
ADD_ENDED = (
    "INSERT INTO jobs (id, process_number, status, refresh, request_id, completed_at)"
    " SELECT gen_random_uuid(), (SELECT min(number) FROM processes), 'completed', false, 'r', now()"
    " FROM generate_series(1, CAST(:count AS integer))"
)

pytestmark = pytest.mark.long


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A database with pending jobs of one user."""
    async with open_pool(await create_empty(stack), 2) as pool:
        await add_waiting(pool, await Turns(pool).users(1), WAITING)
        async with pool.connection() as connection:
            await connection.execute("ALTER TABLE jobs DISABLE TRIGGER USER")
            for _ in range(0, ENDED, PART):
                await connection.execute(ADD_ENDED, {"count": PART})
            await connection.execute("ALTER TABLE jobs ENABLE TRIGGER USER")
            await connection.execute("ANALYZE")
        yield pool


@pytest.mark.parametrize("wants_more", [True, False])
async def test_a_claim_looks_at_few_of_those_that_wait(database: Database, *, wants_more: bool) -> None:
    async with database.connection() as connection:
        explained = Explained(connection)

        await turns.claim_next(cast(Connection, explained), Claimer(uuid4(), 10, 5, wants_more=wants_more))

    assert explained.plans[0].rows <= ROWS_MAX
