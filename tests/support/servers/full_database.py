"""A database as after years of use: any number of ended cases, and always the same number of open ones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from service.database.connection import Connection, Database
from service.database.users import users
from service.webhooks.signature import new_secret
from tests.support.database.many_cases import add_cases

CHUNK = 5_000  # cases of one transaction
USERS = 50
OPEN = 2000  # cases that a job works on, or waits for; as many deliveries wait, are due, have failed

#: The newest of the ended cases are open again.
_OPEN_WORK = (
    (
        "CREATE TEMPORARY TABLE open_cases ON COMMIT DROP AS SELECT number, created_at,"
        " row_number() OVER (ORDER BY created_at DESC) AS place,"
        " (SELECT user_id FROM jobs WHERE process_number = number LIMIT 1) AS user_id FROM processes"
        " ORDER BY created_at DESC LIMIT :open"
    ),
    (
        "INSERT INTO jobs (id, process_number, status, refresh, request_id, user_id, lease_token, lease_expires_at)"
        " SELECT gen_random_uuid(), number, CASE WHEN place <= 40 THEN 'processing' ELSE 'pending' END, false, 'open',"
        " user_id, CASE WHEN place <= 40 THEN gen_random_uuid() END,"
        " CASE WHEN place <= 40 THEN now() + interval '1 day' END FROM open_cases"
    ),
    "UPDATE processes SET state = 'active' WHERE number IN (SELECT number FROM open_cases)",
    (
        "INSERT INTO deliveries (id, process_number, job_id, user_id, url, status) SELECT gen_random_uuid(),"
        " process_number, id, user_id, 'https://hooks.example/open', 'waiting' FROM jobs"
        " WHERE status IN ('pending', 'processing')"
    ),
    # Only here are delivered rows opened again.
    "SET LOCAL session_replication_role = replica",
    (
        "UPDATE deliveries SET status = 'scheduled', completed_at = NULL, attempts = 0, next_attempt_at = now(),"
        " ring_at = now() + interval '1 day' WHERE status = 'delivered'"
        " AND process_number IN (SELECT number FROM open_cases)"
    ),
    (
        "UPDATE deliveries SET status = 'failed', alerted_at = now() WHERE id IN"
        " (SELECT id FROM deliveries WHERE status = 'delivered' ORDER BY created_at DESC LIMIT :open)"
    ),
)
_INDEXES = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(:tables)"
    " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
)
_TABLES = ["processes", "jobs", "job_users", "documents", "events", "deliveries"]


async def fill(database: Database, cases: int, *, documents: int) -> UUID:
    """Fill an empty database, and return one of its users."""
    owners = [await _add_user(database) for _ in range(USERS)]
    async with _without_indexes(database):
        for place, first in enumerate(range(1, cases + 1, CHUNK)):
            async with database.transaction() as connection:
                # Rows of the past need neither foreign keys nor triggers.
                await connection.execute("SET LOCAL session_replication_role = replica")
                last = min(first + CHUNK - 1, cases)
                owner = owners[place % USERS]
                await add_cases(connection, owner, first=first, last=last, documents=documents)
    async with database.connection() as connection:
        await _patiently(connection, "ANALYZE")
    async with database.transaction() as connection:
        for statement in _OPEN_WORK:
            await connection.execute(statement, {"open": OPEN} if ":open" in statement else {})
    async with database.connection() as connection:
        await _patiently(connection, "VACUUM ANALYZE")
    return owners[0]


async def _add_user(database: Database) -> UUID:
    async with database.transaction() as connection:
        return await users.create(connection, name=str(uuid4()), role="user", api_key=str(uuid4()), secret=new_secret())


@asynccontextmanager
async def _without_indexes(database: Database) -> AsyncIterator[None]:
    """Drop the indexes during the block: to build them at the end is faster than to update them with each row."""
    async with database.connection() as connection:
        rows = await connection.fetch_all(_INDEXES, {"tables": _TABLES})
        for row in rows:
            await connection.execute(f"DROP INDEX {row['indexname']}")
    yield
    async with database.connection() as connection:
        await connection.execute("SET maintenance_work_mem = '1GB'")
        for row in rows:
            await _patiently(connection, row["indexdef"])


async def _patiently(connection: Connection, statement: str) -> None:
    """Execute a statement without the time limits of the service."""
    await connection.execute("SET statement_timeout = 0")
    await connection.execute("SET transaction_timeout = 0")
    await connection.raw_connection.execute(statement, timeout=3600)
