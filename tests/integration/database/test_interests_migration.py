"""Migrations 0008 and 0009, on rows of the previous version."""

import asyncpg
import yoyo

from service.database import migrations, schema
from service.local.stack import Stack
from tests.conftest import create_database

STEPS = ["0008.interests", "0009.interests_data"]
NUMBER = "00000013920248260100"
#: What each row is, and whether its file is what the portal lists.
ROWS = {
    "stored": ("available", "k", None, True),
    "outdated": ("available", "k", "portal_error", False),
    "being renewed": ("processing", "k", None, False),
    "never had": ("failed", None, "portal_error", True),
}


async def test_the_rows_of_the_version_before_are_told_apart(stack: Stack) -> None:
    url = await create_database(stack)
    backend = yoyo.get_backend(url.replace("postgresql://", "postgresql+psycopg://"))
    steps = yoyo.read_migrations(str(schema.DIRECTORY)).filter(lambda each: each.id in STEPS)
    backend.rollback_migrations(backend.to_rollback(steps))
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO processes (number) VALUES ($1)", NUMBER)
    for origin, (status, key, error, _is_current) in ROWS.items():
        await add_document(connection, origin, status=status, key=key, error=error)
    event = "INSERT INTO events (id, process_number, type, body) VALUES (gen_random_uuid(), $1, $2, '{}')"
    await connection.execute(event, NUMBER, "process.completed")

    assert migrations.apply(url) == STEPS

    rows = await connection.fetch("SELECT origin_id, is_current FROM documents")
    assert {row["origin_id"]: row["is_current"] for row in rows} == {origin: row[-1] for origin, row in ROWS.items()}
    await connection.execute(event, NUMBER, "process.updated")
    backend.rollback_migrations(backend.to_rollback(steps))
    assert {row["type"] for row in await connection.fetch("SELECT type FROM events")} == {"process.completed"}
    assert migrations.apply(url) == STEPS
    await connection.close()
    backend.connection.close()


async def add_document(
    connection: asyncpg.Connection, origin: str, *, status: str, key: str | None, error: str | None
) -> None:
    file = (None, None, None) if key is None else (1, "0" * 64, "text/plain")
    await connection.execute(
        "INSERT INTO documents (id, process_number, instance, origin_id, uuid, position, name, type, secrecy, copies,"
        # With `news`: the trigger that finds it needs a column that is rolled back here.
        " completed_at, status, storage_key, error_code, error_message, size, sha256, mime_type, news) VALUES"
        " (gen_random_uuid(), $1, 'G1', $2, 'u', 1, 'n', 't', 'PUBLICO', '[]', now(), $3, $4, $5, $5, $6, $7, $8, 0)",
        NUMBER,
        origin,
        status,
        key,
        error,
        *file,
    )
