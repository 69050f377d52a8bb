"""A deleted row does not make PostgreSQL read whole tables to find rows that refer to it."""

from service.database.connection import Database
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.deliveries.deliveries import open_pool

#: Foreign keys without an index that starts with their column, of parents whose rows this service never deletes.
_NEVER_DELETED = {
    ("api_keys", "user_id"),  # users are only marked as deleted
    ("signing_secrets", "user_id"),
    ("jobs", "user_id"),
}
_UNINDEXED = """
SELECT key.conrelid::regclass::text AS child, attribute.attname AS referring
FROM pg_constraint AS key JOIN pg_attribute AS attribute
    ON attribute.attrelid = key.conrelid AND attribute.attnum = key.conkey[1]
WHERE key.contype = 'f' AND NOT EXISTS (
    SELECT 1 FROM pg_index WHERE indrelid = key.conrelid AND indpred IS NULL AND indisvalid
    AND indkey[0] = key.conkey[1])
"""


async def unindexed(database: Database) -> set[tuple[str, str]]:
    async with database.connection() as connection:
        return {(row["child"], row["referring"]) for row in await connection.fetch_all(_UNINDEXED)}


async def test_every_foreign_key_of_rows_that_are_deleted_has_an_index(stack: Stack) -> None:
    async with open_pool(await create_database(stack)) as database:
        assert await unindexed(database) <= _NEVER_DELETED
