"""Migration 0010, on rows of the previous version."""

import asyncpg
import yoyo

from service.database import migrations, schema
from service.local.stack import Stack
from tests.conftest import create_database

STEP = "0010.pauses"


async def test_tokens_of_the_version_before_are_kept(stack: Stack) -> None:
    url = await create_database(stack)
    backend = yoyo.get_backend(url.replace("postgresql://", "postgresql+psycopg://"))
    steps = yoyo.read_migrations(str(schema.DIRECTORY)).filter(lambda each: each.id == STEP)
    backend.rollback_migrations(backend.to_rollback(steps))
    connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO portal_tokens (origin, refresh_token, access_token, expires_at, renewing_until)"
        " VALUES ('o', 'r1', 'a1', now() + interval '1 hour', NULL)"
    )

    assert migrations.apply(url) == [STEP]

    (row,) = await connection.fetch("SELECT refresh_token, previous_token, renewed_at, renewing_by FROM portal_tokens")
    assert tuple(row) == ("r1", None, None, None)
    backend.rollback_migrations(backend.to_rollback(steps))
    assert await connection.fetchval("SELECT access_token FROM portal_tokens") == "a1"
    assert migrations.apply(url) == [STEP]
    await connection.close()
    backend.connection.close()
