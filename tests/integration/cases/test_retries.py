"""Retries of an ended job: who owns the new one, who gets its event, and when there is nothing to do."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.database.cases import case_requests, job_retries, processes
from service.database.cases.case_requests import Accepted, CaseRequest
from service.database.cases.job_retries import NotRetried
from service.database.connection import Database
from service.database.jobs import job_history
from service.domain.errors import ErrorCode
from service.domain.listings import Listing
from service.domain.process_number import ProcessNumber
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.case_steps import listed, listing_of
from tests.support.database.users import delete
from tests.support.deliveries.deliveries import add_user, open_pool

LIMIT = 10  # documents in an event


@pytest.fixture(scope="module")
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A database without workers, so that due rows are left to these tests."""
    async with open_pool(await create_database(stack)) as pool:
        yield pool


@pytest.fixture
def case(number: str) -> ProcessNumber:
    return ProcessNumber.parse(number)


def listing(case: ProcessNumber) -> Listing:
    """One document."""
    return listing_of(case, listed("1"))


def wanted(case: ProcessNumber, user_id: UUID, *, is_told: bool) -> CaseRequest:
    url = f"https://{user_id}.example.com/" if is_told else None
    return CaseRequest(case, user_id, str(uuid4()), url, force_refresh=False)


async def start(database: Database, case: ProcessNumber, *user_ids: UUID, is_told: bool = True) -> UUID:
    """A job of the first user, to which all of them subscribe."""
    async with database.transaction() as connection:
        await case_requests.register(connection, listing(case))
        for user_id in user_ids:
            accepted = await case_requests.accept(connection, wanted(case, user_id, is_told=is_told), event_limit=LIMIT)
    assert accepted.job_id is not None
    return accepted.job_id


async def cancel(database: Database, job_id: UUID) -> None:
    async with database.transaction() as connection:
        assert await case_requests.cancel(connection, job_id, event_limit=LIMIT) is not None


async def retry(database: Database, job_id: UUID) -> Accepted:
    async with database.transaction() as connection:
        return await job_retries.retry(connection, job_id, request_id="again", event_limit=LIMIT)


async def ask(database: Database, query: str, **values: Any) -> list[dict[str, Any]]:
    async with database.connection() as connection:
        return [dict(row) for row in await connection.fetch_all(query, values)]


async def subscribers(database: Database, job_id: UUID | None) -> set[UUID]:
    rows = await ask(database, "SELECT user_id, status FROM deliveries WHERE job_id = :id", id=job_id)
    assert {row["status"] for row in rows} <= {"waiting"}
    return {row["user_id"] for row in rows}


async def viewers(database: Database, job_id: UUID | None) -> set[UUID]:
    rows = await ask(database, "SELECT user_id FROM job_users WHERE job_id = :id", id=job_id)
    return {row["user_id"] for row in rows}


async def test_the_new_job_has_the_same_user_and_the_same_subscribers(database: Database, case: ProcessNumber) -> None:
    first, second = [(await add_user(database))[0] for _ in range(2)]
    job_id = await start(database, case, first, second)
    await cancel(database, job_id)

    accepted = await retry(database, job_id)

    assert accepted.new_job
    assert accepted.job_id != job_id
    assert await subscribers(database, accepted.job_id) == {first, second}
    assert await viewers(database, accepted.job_id) == {first, second}
    (job,) = await ask(database, "SELECT user_id, request_id FROM jobs WHERE id = :id", id=accepted.job_id)
    assert job == {"user_id": first, "request_id": "again"}


@pytest.mark.parametrize(("is_told", "status"), [(True, "pending"), (False, "processing")])
async def test_its_documents_begin_as_those_of_the_first_request_did(
    database: Database, case: ProcessNumber, is_told: bool, status: str
) -> None:
    user_id, _key = await add_user(database)
    job_id = await start(database, case, user_id, is_told=is_told)
    await cancel(database, job_id)

    await retry(database, job_id)

    rows = await ask(database, "SELECT status FROM documents WHERE process_number = :number", number=case.digits)
    assert [row["status"] for row in rows] == [status]


async def test_whoever_was_deleted_is_not_told(database: Database, case: ProcessNumber) -> None:
    owner, other = [(await add_user(database))[0] for _ in range(2)]
    job_id = await start(database, case, owner, other)
    await cancel(database, job_id)
    await delete(database, owner)

    accepted = await retry(database, job_id)

    assert await subscribers(database, accepted.job_id) == {other}


async def test_a_job_that_works_on_the_case_already_takes_the_subscribers_on(
    database: Database, case: ProcessNumber
) -> None:
    first, second = [(await add_user(database))[0] for _ in range(2)]
    job_id = await start(database, case, first)
    await cancel(database, job_id)
    active = await start(database, case, second)

    accepted = await retry(database, job_id)

    assert (accepted.job_id, accepted.new_job) == (active, False)
    assert await subscribers(database, active) == {first, second}


async def test_a_job_that_has_not_ended_is_left_alone(database: Database, case: ProcessNumber) -> None:
    user_id, _key = await add_user(database)
    job_id = await start(database, case, user_id)

    with pytest.raises(NotRetried, match="has not ended"):
        await retry(database, job_id)


async def test_a_case_that_was_never_listed_is_listed_first(database: Database, case: ProcessNumber) -> None:
    user_id, _key = await add_user(database)
    async with database.transaction() as connection:
        kept = (await case_requests.accept_unlisted(connection, wanted(case, user_id, is_told=True))).job_id
        assert kept is not None
        await processes.lock(connection, case)
        await case_requests.end_job(connection, case, kept, error=ErrorCode.PROCESS_NOT_FOUND, event_limit=LIMIT)

    accepted = await retry(database, kept)

    assert accepted.job_id is not None
    async with database.connection() as connection:
        job = await job_history.find(connection, accepted.job_id)
    assert job is not None
    assert (job.status, job.refresh) == ("pending", True)
    assert await subscribers(database, accepted.job_id) == {user_id}
