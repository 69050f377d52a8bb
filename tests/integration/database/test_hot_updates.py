"""Documents change their status a few times each, and most of these updates touch no index.

PostgreSQL calls that HOT. Any other update writes an entry into each index of the table, and leaves one to remove.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.database.connection import Database
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.case_steps import CaseSteps, listed
from tests.support.database.migrations import migrate, roll_back_to
from tests.support.deliveries.deliveries import NUMBER, add_user, open_pool

DOCUMENTS = 120
UPDATES = 3  # of each document: given to the job, begun, ended
BEFORE = "0024.hot_updates"


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    """Of one test: the counters are those of its tables."""
    async with open_pool(await create_database(stack), size=1) as pool:
        yield pool


async def counted(database: Database, table: str) -> dict[str, Any]:
    async with database.connection() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
    async with database.connection() as connection:
        [row] = await connection.fetch_all(
            "SELECT n_tup_upd AS updates, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relname = :table",
            {"table": table},
        )
    return dict(row)


async def test_a_document_that_is_begun_and_ended_touches_no_index(database: Database) -> None:
    user_id, _key = await add_user(database)
    steps = CaseSteps(database, NUMBER, user_id)
    await steps.register(*(listed(str(place)) for place in range(DOCUMENTS)))

    await steps.complete(url="hook")

    found = await counted(database, "documents")
    assert found["updates"] == UPDATES * DOCUMENTS
    # The job of a document is in an index: one of the three updates. Some of the others find their page full.
    assert found["hot"] > found["updates"] / 2, found


async def test_documents_of_the_version_before_keep_their_jobs(stack: Stack) -> None:
    url = await create_database(stack)
    async with open_pool(url) as database:
        user_id, _key = await add_user(database)
        steps = CaseSteps(database, NUMBER, user_id)
        await steps.register(listed("a"))
        await steps.ask()
    await roll_back_to(url, BEFORE)
    assert (await migrate(url))[0] == BEFORE

    async with open_pool(url) as database:
        steps = CaseSteps(database, NUMBER, user_id)
        job = await steps.claim()
        await steps.work(job)
        assert await steps.finish(job) is not None
        assert await steps.statuses() == {"a": "available"}
    await roll_back_to(url, BEFORE)
    assert (await migrate(url))[0] == BEFORE
