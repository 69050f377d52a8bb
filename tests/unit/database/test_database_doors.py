"""Doors into databases, asyncpg and yoyo."""

import asyncio
import inspect
from typing import Any

import asyncpg
import pytest
from yoyo.backends import get_backend_class
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table

from service.database import schema
from service.database.connection import Database, create_database


class Raw:
    """A connection of asyncpg, as far as a pool needs it."""

    def is_in_transaction(self) -> bool:
        return False


class Pool:
    """asyncpg's pool, without a server."""

    def __init__(self) -> None:
        self.raw = Raw()
        self.released: list[Raw] = []
        self.has_expired = False

    async def acquire(self) -> Raw:
        return self.raw

    async def release(self, raw: Raw, *, timeout: float) -> None:
        assert timeout > 0
        self.released.append(raw)

    async def expire_connections(self) -> None:
        self.has_expired = True

    def get_size(self) -> int:
        return 3

    def get_idle_size(self) -> int:
        return 1


def opened(pool: Pool) -> Database:
    database: Any = create_database("postgresql://autos@localhost/autos", application_name="test", max_size=1)
    assert database._backend._pool is None
    database._backend._pool = pool
    return database  # type: ignore[no-any-return]  # its private members are not typed


async def test_databases_keeps_its_pool_and_the_connection_of_a_task_where_they_are_looked_for() -> None:
    pool = Pool()
    database = opened(pool)

    async with database.connection() as outer, database.connection() as inner:
        assert outer is inner
        assert outer.raw_connection is pool.raw
        assert database.pool_use().in_use == 2

    assert pool.released == [pool.raw]
    assert database.connection() is not outer


async def test_databases_lets_the_pool_be_emptied_when_the_server_takes_no_writes() -> None:
    pool = Pool()

    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with opened(pool).connection():
            raise asyncpg.ReadOnlySQLTransactionError("a standby")

    assert pool.has_expired
    assert pool.released == [pool.raw]


async def test_each_task_has_a_connection_of_its_own() -> None:
    database = opened(Pool())

    async def connection() -> object:
        async with database.connection() as mine:
            return mine

    assert len({id(each) for each in await asyncio.gather(connection(), connection(), connection())}) == 3


def test_asyncpg_keeps_its_transport_and_asks_for_the_reset() -> None:
    connection = asyncpg.connection.Connection

    assert "_transport" in connection.__slots__
    assert "self.get_reset_query()" in inspect.getsource(connection)
    assert asyncpg.pool.Pool.expire_connections


def test_yoyo_marks_migrations_in_the_table_that_is_read() -> None:
    assert f"FROM {default_migration_table}" in inspect.getsource(schema)
    assert DatabaseURI._fields == ("scheme", "username", "password", "hostname", "port", "database", "args")
    assert get_backend_class("postgresql+psycopg")
