"""The guarantees of the schema and of the pool, on a real PostgreSQL."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import yoyo

from service.database import migrations, schema
from service.database.cases import case_requests, documents, processes
from service.database.connection import Database, create_database
from service.database.jobs import jobs
from service.database.leases import LeaseLost
from service.database.users import users
from service.domain.documents import Written
from service.domain.errors import ErrorCode
from service.domain.listings import ListedDocument, Listing
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DELIVERY_ARROWS, DOCUMENT_ARROWS, JOB_ARROWS
from service.local.stack import Stack
from service.webhooks.signature import new_secret
from tests.conftest import create_database as create_empty
from tests.support.database.case_steps import listed, listing_of
from tests.support.database.claims import claim_job, renew_job

POOL = 4


@pytest.fixture(scope="module")
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A database without workers, so that due rows are left to these tests."""
    pool = create_database(await create_empty(stack), application_name="tests", max_size=POOL)
    await pool.connect()
    yield pool
    await pool.close()


@pytest.fixture(scope="module")
async def user_id(database: Database) -> UUID:
    async with database.transaction() as connection:
        name = f"database tests {uuid4()}"
        return await users.create(connection, name=name, role="user", api_key=str(uuid4()), secret=new_secret())


def listing(number: str, *found: ListedDocument) -> Listing:
    return listing_of(ProcessNumber.parse(number), *found)


async def accepted_job(database: Database, user_id: UUID, number: str) -> UUID:
    wanted = case_requests.CaseRequest(ProcessNumber.parse(number), user_id, "test", None, force_refresh=False)
    async with database.transaction() as connection:
        await case_requests.register(connection, listing(number, listed("a"), listed("b")))
        job_id = (await case_requests.accept(connection, wanted, event_limit=10)).job_id
    assert job_id is not None
    return job_id


@pytest.mark.parametrize(
    ("table", "arrows"), [("documents", DOCUMENT_ARROWS), ("jobs", JOB_ARROWS), ("deliveries", DELIVERY_ARROWS)]
)
async def test_the_database_knows_the_same_arrows_as_the_code(
    database: Database, table: str, arrows: Mapping[StrEnum, frozenset[StrEnum]]
) -> None:
    async with database.connection() as connection:
        definition = await connection.fetch_val(
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = :name", {"name": f"{table}_arrows"}
        )

    for before, after in itertools.permutations(arrows, 2):
        assert (f"'{before}>{after}'" in definition) == (after in arrows[before]), f"{before} > {after}"


async def test_an_illegal_arrow_is_refused(database: Database, user_id: UUID, number: str) -> None:
    job_id = await accepted_job(database, user_id, number)

    with pytest.raises(asyncpg.CheckViolationError, match="illegal arrow"):  # noqa: PT012  (one transaction)
        async with database.transaction() as connection:
            await connection.execute(
                "UPDATE jobs SET status = 'failed', completed_at = now() WHERE id = :id", {"id": job_id}
            )
            await connection.execute(
                "UPDATE jobs SET status = 'pending', completed_at = NULL WHERE id = :id", {"id": job_id}
            )


async def test_a_process_has_one_active_job(database: Database, user_id: UUID, number: str) -> None:
    await accepted_job(database, user_id, number)

    with pytest.raises(asyncpg.UniqueViolationError, match="jobs_one_active"):  # noqa: PT012  (one transaction)
        async with database.transaction() as connection:
            parsed = ProcessNumber.parse(number)
            await jobs.create(connection, parsed, refresh=False, user_id=user_id, request_id="x")


async def test_whoever_lost_the_lease_writes_nothing(database: Database, user_id: UUID, number: str) -> None:
    job_id = await accepted_job(database, user_id, number)
    async with database.connection() as connection:
        first = await claim_job(connection, job_id)
        assert first is not None
        (task, other) = await documents.tasks_of_job(connection, job_id)
        await connection.execute(
            "UPDATE jobs SET lease_expires_at = now() - interval '1 s' WHERE id = :id", {"id": job_id}
        )
        second = await claim_job(connection, job_id)
        assert second is not None

        assert not await renew_job(connection, first)
        assert not await documents.start(connection, task.id, first.lease)
        assert await documents.start(connection, task.id, second.lease)
        gone = ErrorCode.DOCUMENT_NOT_FOUND
        for claim, states in (
            (first, {("processing", True), ("processing", False)}),
            (second, {("failed", True), ("processing", True)}),
        ):
            told: Any = {"revision": task.revision, "attempts": 1, "following": other.id}
            written = await documents.mark_failed(connection, task.id, claim.lease, gone, **told)
            assert written is (Written.YES if claim is second else Written.LEASE_LOST)
            rows = await connection.fetch_all(
                "SELECT status, started_at IS NOT NULL FROM documents WHERE job_id = :id", {"id": job_id}
            )
            assert {tuple(row) for row in rows} == states
    with pytest.raises(LeaseLost):
        async with database.transaction() as connection:
            await case_requests.finish(connection, first, event_limit=10)


async def test_the_sweep_takes_a_job_from_a_worker_that_is_gone_and_once_for_all_workers(
    database: Database, user_id: UUID, number: str
) -> None:
    job_id = await accepted_job(database, user_id, number)
    async with database.connection() as connection:
        assert await claim_job(connection, job_id) is not None
        await jobs.release_expired(connection, limit=100)
        held = await connection.fetch_val("SELECT status FROM jobs WHERE id = :id", {"id": job_id})
        await connection.execute(
            "UPDATE jobs SET lease_expires_at = now() - interval '1 s' WHERE id = :id", {"id": job_id}
        )

    async def sweep() -> int:
        async with database.connection() as connection:
            return await jobs.release_expired(connection, limit=100)

    released = await asyncio.gather(*(sweep() for _ in range(8)))

    assert (held, sum(released)) == ("processing", 1)


async def test_a_listing_twice_changes_nothing_and_a_changed_one_is_noticed(database: Database, number: str) -> None:
    first = listed("a")
    parsed = ProcessNumber.parse(number)
    async with database.transaction() as connection:
        await case_requests.register(connection, listing(number, first))
        await connection.execute(
            "UPDATE documents SET status = 'processing' WHERE process_number = :number", {"number": parsed.digits}
        )
        await connection.execute(
            "UPDATE documents SET status = 'available', storage_key = 'k', size = 100, sha256 = repeat('a', 64),"
            " mime_type = 'application/pdf', completed_at = now() WHERE process_number = :number",
            {"number": parsed.digits},
        )
        await case_requests.register(connection, listing(number, first))
        (same,) = await documents.of_process(connection, parsed)
        await case_requests.register(connection, listing(number, listed("a", declared_size=None)))
        (without_size,) = await documents.of_process(connection, parsed)
        await case_requests.register(connection, listing(number, listed("a", declared_size=101)))
        (changed,) = await documents.of_process(connection, parsed)

    assert same.status == without_size.status == "available"
    assert (changed.status, changed.storage_key) == ("pending", "k")


async def test_a_slot_is_never_lost(database: Database) -> None:
    """After cancellations at every await, and after failed commits, the pool has all its connections."""

    async def transact() -> None:
        async with database.transaction() as connection:
            await connection.fetch_val("SELECT pg_sleep(0.001)")

    for turn in range(200):
        task = asyncio.create_task(transact())
        for _ in range(turn % 12):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    for _ in range(10):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await fail_to_commit(database)

    async with asyncio.timeout(60):
        await asyncio.gather(*(transact() for _ in range(POOL * 5)))
    pool = database._backend._pool  # noqa: SLF001  (databases has no public way)
    assert pool.get_size() - pool.get_idle_size() == 0


async def fail_to_commit(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("CREATE TEMPORARY TABLE parent (id int PRIMARY KEY) ON COMMIT DROP")
        await connection.execute(
            "CREATE TEMPORARY TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP"
        )
        await connection.execute("INSERT INTO child VALUES (1)")


async def test_the_first_admin_is_made_once(stack: Stack) -> None:
    pool = create_database(await create_empty(stack), application_name="tests", max_size=POOL)
    await pool.connect()

    async def make() -> bool:
        async with pool.transaction() as connection:
            return await users.create_first_admin(connection, api_key=str(uuid4()), secret=new_secret())

    made = await asyncio.gather(*(make() for _ in range(4)))

    await pool.close()
    assert sorted(made) == [False, False, False, True]


async def test_a_migration_can_be_rolled_back_and_applied_again(stack: Stack) -> None:
    url = await create_empty(stack)
    backend = yoyo.get_backend(url.replace("postgresql://", "postgresql+psycopg://"))
    steps = yoyo.read_migrations(str(schema.DIRECTORY))

    backend.rollback_migrations(backend.to_rollback(steps))
    left = await count_tables(url)
    backend.connection.close()

    assert left == 0
    assert migrations.apply(url) == schema.known()


async def count_tables(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%yoyo%'"
            )
        )
    finally:
        await connection.close()


async def test_the_lock_of_a_process_makes_the_others_wait(database: Database, user_id: UUID, number: str) -> None:
    await accepted_job(database, user_id, number)
    parsed = ProcessNumber.parse(number)
    async with database.transaction() as holder:
        await processes.lock(holder, parsed)

        async def wait_for_lock() -> None:
            async with database.transaction() as waiter:
                await processes.lock(waiter, parsed)

        waiting = asyncio.create_task(wait_for_lock())
        done, _pending = await asyncio.wait([waiting], timeout=0.2)
        assert not done
    await waiting
