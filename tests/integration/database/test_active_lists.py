"""Lists of active cases: every page is right, and is read from an index, however many cases there are."""

import itertools
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import uuid4

import pytest

from service.database.cases import process_lists
from service.database.cases.process_lists import ProcessFilter, ProcessRow
from service.database.connection import Connection, Database
from service.database.jobs import job_history
from service.database.jobs.job_history import JobFilter
from service.database.users import users
from service.domain.positions import Position
from service.domain.statuses import FINAL_STATUSES, JobStatus, ProcessStatus
from service.local.stack import Stack
from service.webhooks.signature import new_secret
from tests.conftest import create_database
from tests.support.database.active_cases import COURTS, set_in_work
from tests.support.database.generic_plans import explained
from tests.support.database.many_cases import add_cases
from tests.support.database.migrations import migrate, roll_back_to
from tests.support.deliveries.deliveries import open_pool

CASES = 2_000  # of the older half a third waits, and a third is worked on
LIMIT = 20
ROWS_MAX = 150  # looked at for a page
ACTIVE = [ProcessStatus.PENDING, ProcessStatus.PROCESSING]
BEFORE = "0023.active_lists"


_CROWD = (
    "UPDATE processes SET state = 'active' WHERE CAST(left(number, 7) AS integer) < :place",
    ("UPDATE jobs SET status = 'pending', completed_at = NULL WHERE CAST(left(process_number, 7) AS integer) < :place"),
)


async def fill(database: Database, last: int) -> None:
    async with database.transaction() as connection:
        owner = await users.create(
            connection, name=str(uuid4()), role="user", api_key=str(uuid4()), secret=new_secret()
        )
        await add_cases(connection, owner, first=1, last=last, documents=1)
        await set_in_work(connection)
    async with database.connection() as connection:
        await connection.execute("ANALYZE")


@pytest.fixture(scope="module")
async def database(stack: Stack) -> AsyncIterator[Database]:
    """With many active cases."""
    async with open_pool(await create_database(stack)) as pool:
        await fill(pool, CASES)
        yield pool


async def pages(database: Database, wanted: ProcessFilter, *, limit: int) -> list[ProcessRow]:
    """Page after page."""
    found, after = list[ProcessRow](), None
    async with database.connection() as connection:
        while rows := await process_lists.page(connection, wanted, after=after, limit=limit):
            found += rows
            after = Position(rows[-1].created_at, rows[-1].number)
    return found


@pytest.mark.parametrize(
    ("status", "court", "has_documents"),
    list(itertools.product(ACTIVE, [None, COURTS[1]], [None, True, False])),
)
async def test_the_pages_of_a_list_are_the_whole_list(
    database: Database, status: ProcessStatus, court: str | None, has_documents: bool | None
) -> None:
    def fits(row: ProcessRow) -> bool:
        is_of_court = court is None or row.court == court
        return is_of_court and row.status is status and has_documents in (None, row.total_documents > 0)

    everything = await pages(database, ProcessFilter(), limit=CASES)
    wanted = ProcessFilter(status=status, court=court, has_documents=has_documents)

    found = await pages(database, wanted, limit=70)

    assert found == [row for row in everything if fits(row)]
    assert found


@pytest.mark.parametrize("is_generic", [False, True])
@pytest.mark.parametrize(
    "wanted",
    [
        {"status": ProcessStatus.PENDING},
        {"status": ProcessStatus.PROCESSING},
        {"status": ProcessStatus.PENDING, "court": COURTS[1]},
        {"status": ProcessStatus.PENDING, "has_documents": True},
        {"status": ProcessStatus.PROCESSING, "has_documents": True},
        {"status": ProcessStatus.FAILED, "court": COURTS[1]},
        {"status": ProcessStatus.COMPLETED, "court": COURTS[1]},
        {"status": ProcessStatus.CANCELLED, "court": COURTS[1]},
    ],
)
async def test_a_page_reads_what_it_shows(database: Database, wanted: dict[str, Any], is_generic: bool) -> None:
    async with database.connection() as connection:
        reader = explained(connection, is_generic=is_generic)

        await process_lists.page(cast(Connection, reader), ProcessFilter(**wanted), after=None, limit=LIMIT)

    [plan] = reader.plans
    assert (plan.tables_read_whole, plan.rows <= ROWS_MAX) == (set(), True), plan


async def test_the_ended_cases_behind_a_crowd_of_newer_ones_are_found_at_once(database: Database) -> None:
    async with database.connection() as connection:
        transaction = connection.raw_connection.transaction()
        await transaction.start()
        # Jobs that have ended wait again: triggers refuse that elsewhere.
        await connection.execute("SET LOCAL session_replication_role = replica")
        for statement in _CROWD:
            await connection.execute(statement, {"place": CASES // 2})
        await connection.execute("ANALYZE processes, jobs")
        reader = explained(connection, is_generic=False)

        for status in FINAL_STATUSES:
            await process_lists.page(cast(Connection, reader), ProcessFilter(status=status), after=None, limit=LIMIT)
        await job_history.page(cast(Connection, reader), JobFilter(status=JobStatus.COMPLETED), limit=LIMIT)

        await transaction.rollback()
    assert max(plan.rows for plan in reader.plans) < CASES // 4


async def test_jobs_of_the_version_before_are_listed_too(stack: Stack) -> None:
    url = await create_database(stack)
    async with open_pool(url) as database:
        await fill(database, 30)
    await roll_back_to(url, BEFORE)
    assert (await migrate(url))[0] == BEFORE

    async with open_pool(url) as database:
        found = {status: await pages(database, ProcessFilter(status=status), limit=3) for status in ProcessStatus}

    assert sum(map(len, found.values())) == 30
    assert all(row.status is status for status, rows in found.items() for row in rows)
    await roll_back_to(url, BEFORE)
    assert (await migrate(url))[0] == BEFORE
