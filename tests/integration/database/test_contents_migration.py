"""Migration 0020, on rows of the previous version and with its processes running."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from service.database.cases import documents
from service.domain.process_number import ProcessNumber
from service.local.stack import Stack
from tests.support.database.migrations import create_before, migrate, roll_back_to
from tests.support.deliveries.deliveries import open_pool

STEP = "0020.contents"
NUMBER = ProcessNumber.parse("0000001-39.2024.8.26.0100")
_DOCUMENT = (
    "INSERT INTO documents (id, process_number, instance, origin_id, uuid, position, name, type, secrecy, copies,"
    " status, completed_at, storage_key, size, sha256, mime_type, size_mismatch) VALUES (gen_random_uuid(), $1, 'i',"
    " $2, 'u', 1, 'n', 't', 's', '[]', 'available', now(), 'k', 1, repeat('0', 64), 'text/html', $3)"
)
#: What the version before writes of a file.
_STORE = "UPDATE documents SET storage_key = 'new', size = 2, sha256 = $1, mime_type = 'text/html'"
_FACTS = "SELECT crc32, content_flags, charset FROM documents WHERE origin_id = 'plain'"


@asynccontextmanager
async def migrated(stack: Stack) -> AsyncIterator[tuple[str, Any]]:
    """A database with two files of the previous version."""
    url = await create_before(stack, STEP)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("INSERT INTO processes (number) VALUES ($1)", NUMBER.digits)
        await connection.execute(_DOCUMENT, NUMBER.digits, "flagged", True)
        await connection.execute(_DOCUMENT, NUMBER.digits, "plain", False)
        assert STEP in await migrate(url)
        yield url, connection
    finally:
        await connection.close()


async def test_the_one_flag_of_the_version_before_is_kept(stack: Stack) -> None:
    async with migrated(stack) as (url, connection):
        async with open_pool(url, size=1) as pool, pool.connection() as session:
            found = await documents.of_process(session, NUMBER)
        assert [(each.crc32, each.charset) for each in found] == [(None, None)] * 2
        assert sorted((each.size_mismatch, each.content_flags) for each in found) == [
            (False, ()),
            (True, ("size_mismatch",)),
        ]

        await roll_back_to(url, STEP)

        assert await connection.fetchval("SELECT count(*) FROM documents WHERE size_mismatch") == 1
        assert STEP in await migrate(url)


async def test_a_process_of_the_version_before_leaves_nothing_of_the_older_file(stack: Stack) -> None:
    async with migrated(stack) as (_, connection):
        await connection.execute(
            "UPDATE documents SET sha256 = repeat('1', 64), crc32 = 7, charset = 'UTF-8', content_flags = '{empty}'"
        )
        assert tuple(await connection.fetchrow(_FACTS)) == (7, ["empty"], "UTF-8")

        await connection.execute(_STORE, "1" * 64)
        assert tuple(await connection.fetchrow(_FACTS)) == (7, ["empty"], "UTF-8")

        await connection.execute(_STORE, "2" * 64)
        assert tuple(await connection.fetchrow(_FACTS)) == (None, [], None)
