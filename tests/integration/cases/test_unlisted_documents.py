"""Documents that are no longer listed are deleted if they were never downloaded, so that no later job fails."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from service.database.cases import case_requests, documents
from service.database.connection import Connection, Database, create_database
from service.database.users import users
from service.domain.listings import Listing
from service.domain.process_number import ProcessNumber
from service.local.stack import Stack
from service.webhooks.signature import new_secret
from tests.conftest import create_database as create_empty
from tests.support.database.listings import NUMBER, case, document, parse, stage

CASE = ProcessNumber.parse(NUMBER)


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    pool = create_database(await create_empty(stack), application_name="tests", max_size=2)
    await pool.connect()
    yield pool
    await pool.close()


def listing(*origins: str) -> Listing:
    return parse([case(stage(*(document(idOrigem=each, uuid=str(uuid4())) for each in origins)))])


async def request(connection: Connection) -> UUID:
    user = await users.create(connection, name="tests", role="user", api_key=str(uuid4()), secret=new_secret())
    accepted = await case_requests.accept(
        connection, case_requests.CaseRequest(CASE, user, "test", None, force_refresh=False), event_limit=10
    )
    assert accepted.job_id is not None
    return accepted.job_id


async def known(connection: Connection) -> set[str]:
    rows = await connection.fetch_all("SELECT origin_id FROM documents WHERE process_number = :n", {"n": CASE.digits})
    return {row["origin_id"] for row in rows}


async def store(connection: Connection, origin: str, *, error: str | None = None) -> None:
    """Store a file. `error`: why its newer version failed."""
    for status in ("processing", "available"):
        await connection.execute(
            "UPDATE documents SET status = :status, storage_key = 'a file', size = 1, sha256 = repeat('0', 64),"
            " mime_type = 'text/plain', error_code = :error, error_message = :error,"
            " started_at = now(), completed_at = now() WHERE origin_id = :origin",
            {"status": status, "error": error, "origin": origin},
        )


async def test_what_vanished_without_a_file_is_dropped_and_returns_with_its_id(database: Database) -> None:
    async with database.transaction() as connection:
        await case_requests.register(connection, listing("kept", "vanished"))
        before = await documents.of_process(connection, CASE)
        await store(connection, "kept")

        await case_requests.register(connection, listing("new"))
        assert await known(connection) == {"kept", "new"}

        await case_requests.register(connection, listing("vanished"))
        assert {each.id for each in before} <= {each.id for each in await documents.of_process(connection, CASE)}


async def test_what_a_job_is_at_work_on_is_left_to_it(database: Database) -> None:
    async with database.transaction() as connection:
        await case_requests.register(connection, listing("vanished"))
        job_id = await request(connection)
        await case_requests.register(connection, listing("new"))
        assert await known(connection) == {"vanished", "new"}

        await case_requests.cancel(connection, job_id, event_limit=10)
        await case_requests.register(connection, listing("new"))

        assert await known(connection) == {"new"}


async def test_an_empty_listing_drops_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        await case_requests.register(connection, listing("there"))

        await case_requests.register(connection, listing())

        assert await known(connection) == {"there"}


async def test_a_file_whose_newer_version_vanished_lacks_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        await case_requests.register(connection, listing("changed"))
        await store(connection, "changed", error="portal_error")
        (lacking,) = await documents.lacking(connection, CASE, include_hopeless=True)

        await case_requests.register(connection, listing("other"))

        (other,) = await documents.lacking(connection, CASE, include_hopeless=True)
        assert other != lacking


async def test_a_file_whose_newer_version_vanished_before_anybody_asked_for_it_is_available(database: Database) -> None:
    async with database.transaction() as connection:
        await case_requests.register(connection, listing("changed"))
        await store(connection, "changed")
        await case_requests.register(connection, listing("changed"))
        assert [each.status for each in await documents.of_process(connection, CASE)] == ["pending"]

        await case_requests.register(connection, listing("other"))

        found = await documents.of_process(connection, CASE)
        assert {each.status for each in found if each.storage_key} == {"available"}


async def test_a_newer_version_that_vanished_and_returned_is_still_to_be_downloaded(database: Database) -> None:
    newer = listing("changed")
    async with database.transaction() as connection:
        await case_requests.register(connection, listing("changed"))
        await store(connection, "changed")
        await case_requests.register(connection, newer)
        await case_requests.register(connection, listing("other"))

        await case_requests.register(connection, newer)

        found = await documents.of_process(connection, CASE)
        assert [each.status for each in found if each.storage_key] == ["pending"]
