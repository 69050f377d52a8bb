"""A connection pool that loses no slot, even if a task is cancelled or a statement fails."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache
from typing import Any, TypeVar

import asyncpg
import databases
import msgspec
from databases.core import Connection
from databases.interfaces import DatabaseBackend, Record
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.base import PGDialect

from service.database import sessions
from service.database.hosts import connect_to_any
from service.database.url import parse_database_url

_T = TypeVar("_T")

#: PostgreSQL aborted one of two conflicting transactions. Trying it again usually succeeds.
TRANSACTION_CONFLICTS: tuple[type[Exception], ...] = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
TRANSACTION_TRIES = 5  # of such a transaction, in total
AGAIN_AFTER = 0.05  # seconds; the pause is random, at most this times the number of tries so far

#: Raised if PostgreSQL is down, restarts, or gives no connection in time.
UNREACHABLE: tuple[type[Exception], ...] = (
    OSError,  # TimeoutError among them
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # The connection was lost during a query.
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    # No connections, memory or disk space left; files that cannot be read.
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    # The password is being changed, or the database restored, while the service runs.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    # This process was frozen within a transaction, or another one is that holds a lock.
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.LockNotAvailableError,
    # After a failover the session may be with a server that is no longer the primary.
    asyncpg.ReadOnlySQLTransactionError,
    # Still failing after `TRANSACTION_TRIES` tries.
    *TRANSACTION_CONFLICTS,
)
ACQUIRE_TIMEOUT = 20.0  # seconds; databases itself would wait for ever
RELEASE_TIMEOUT = 5.0  # seconds; on a dead network connection asyncpg would wait for ever
DATABASE_CLOSE_TIMEOUT = 5.0  # seconds
ROWS_PER_PART = 200  # rows that are decoded and converted before the event loop runs other tasks
COMMAND_TIMEOUT = 15.0  # seconds; the longest statement registers a listing of thousands of documents


class _Session(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    """A connection that asyncpg does not reset on release.

    The service leaves no state in a session, and a reset would undo the settings of `sessions.bound`.
    """

    def get_reset_query(self) -> str:
        """Return no query: it would cost a round trip on each release."""
        return ""


@lru_cache(maxsize=1000)  # there are about a hundred statements
def _bound(statement: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement with asyncpg's `$1` parameters, and the names of the parameters in that order.

    Cached: databases has SQLAlchemy compile it for each call, which takes longer than most statements.
    """
    dialect = PGDialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]  # SQLAlchemy does not annotate it
    compiled = text(statement).compile(dialect=dialect)
    names = tuple(sorted(compiled.params))
    return str(compiled) % {name: f"${place}" for place, name in enumerate(names, start=1)}, names


class PoolUse(msgspec.Struct, frozen=True):
    """Connections of one pool."""

    idle: int
    in_use: int


class PooledConnection(Connection):
    """Always returns its slot to the pool, even if the release fails or is cancelled.

    databases 0.9 loses the slot if a task is cancelled during the release, and then refuses that task every later
    connection. asyncpg shields its own release from cancellation, so it is enough to clear our references first.
    """

    def __init__(self, database: databases.Database, backend: DatabaseBackend) -> None:
        super().__init__(database, backend)
        self._statements = asyncio.Lock()  # one statement at a time: asyncpg refuses a second one

    async def __aenter__(self) -> "PooledConnection":
        async with asyncio.timeout(ACQUIRE_TIMEOUT):
            await super().__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        async with self._connection_lock:
            if any(isinstance(each, asyncpg.ReadOnlySQLTransactionError) for each in exc):
                # All connections of the pool may go to the wrong server: close them. New ones open when needed.
                await self._database._backend._pool.expire_connections()
            self._connection_counter -= 1
            if self._connection_counter:
                return
            backend: Any = self._connection
            raw, backend._connection = backend._connection, None
            self._database._connection = None
            if raw.is_in_transaction():
                # COMMIT or ROLLBACK was cancelled. On release asyncpg would roll back, but report a program error.
                raw.terminate()
            # If the release fails, asyncpg closes the connection. Committed work stays.
            with contextlib.suppress(*UNREACHABLE):
                await backend._database._pool.release(raw, timeout=RELEASE_TIMEOUT)

    async def fetch_all(self, query: Any, values: Mapping[str, Any] | None = None) -> list[Any]:
        """Return all rows of a statement."""
        statement, names = _bound(query)
        async with self._statements:
            rows: list[Any] = await self.raw_connection.fetch(statement, *((values or {})[name] for name in names))
        return rows

    async def fetch_one(self, query: Any, values: Mapping[str, Any] | None = None) -> Any:
        """Return the first row, or None."""
        statement, names = _bound(query)
        async with self._statements:
            return await self.raw_connection.fetchrow(statement, *((values or {})[name] for name in names))

    async def fetch_val(self, query: Any, values: Mapping[str, Any] | None = None, column: Any = 0) -> Any:
        """Return one column of the first row, or None if there is no row."""
        row = await self.fetch_one(query, values)
        return None if row is None else row[column]

    async def execute(self, query: Any, values: Mapping[str, Any] | None = None) -> None:
        await self.fetch_one(query, values)


class Database(databases.Database):
    """`databases.Database` without the two slot leaks of its transactions (see `PooledConnection`, `transaction`).

    Each child task gets its own connection, outside of the transaction: never start tasks inside one.
    """

    def connection(self) -> Connection:
        """Return the connection of the current task, a new one if it has none."""
        if not self._connection:
            self._connection = PooledConnection(self, self._backend)
        return self._connection

    @asynccontextmanager
    async def transaction(self, **options: Any) -> AsyncIterator[Connection]:  # type: ignore[override]  # see below
        """Commit at the end, roll back on any exception. Nested transactions become savepoints.

        Replaces the Transaction of databases, with its decorator and await forms: it leaks a slot if COMMIT fails.
        """
        async with self.connection() as connection, connection.raw_connection.transaction(**options):
            yield connection

    async def run(self, step: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Run `step` in a transaction. Try again if PostgreSQL aborts it with one of `TRANSACTION_CONFLICTS`.

        `step` may run up to `TRANSACTION_TRIES` times: its side effects outside the database may repeat.
        """
        return await self._again(self.transaction, step)

    async def ask(self, step: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Like `run`, but without a transaction: for a single statement."""
        return await self._again(self.connection, step)

    async def _again(
        self, opened: Callable[[], AbstractAsyncContextManager[Connection]], step: Callable[[Connection], Awaitable[_T]]
    ) -> _T:
        for tried in range(1, TRANSACTION_TRIES):
            try:
                async with opened() as connection:
                    return await step(connection)
            except TRANSACTION_CONFLICTS:
                # Random, so that the two transactions do not meet again.
                await asyncio.sleep(AGAIN_AFTER * tried * random.random())  # noqa: S311  (spreads load, hides nothing)
        async with opened() as connection:
            return await step(connection)

    async def ping(self) -> None:
        """Check that the server responds and accepts writes. Raises one of `UNREACHABLE` if not."""
        async with self.connection() as connection:
            if await connection.fetch_val("SELECT current_setting('transaction_read_only')") == "on":
                raise asyncpg.ReadOnlySQLTransactionError("the server takes no writes")

    def pool_use(self) -> PoolUse:
        """Count the open connections."""
        pool = self._backend._pool
        idle = pool.get_idle_size()
        return PoolUse(idle=idle, in_use=pool.get_size() - idle)

    async def close(self) -> None:
        """Disconnect. Connections still in use after `DATABASE_CLOSE_TIMEOUT` seconds are cut."""
        pool = self._backend._pool
        try:
            async with asyncio.timeout(DATABASE_CLOSE_TIMEOUT):
                await self.disconnect()
        except TimeoutError:
            pool.terminate()


async def fetch_in_parts(
    connection: Connection, query: str, values: Mapping[str, Any], convert: Callable[[Any], _T]
) -> list[_T]:
    """Return the converted rows of a statement that may have thousands, from one snapshot.

    asyncpg decodes a result without a pause. In parts, the event loop can run other tasks in between.
    """
    statement, names = _bound(query)
    found: list[_T] = []
    async with connection.raw_connection.transaction():
        cursor = await connection.raw_connection.cursor(statement, *(values[name] for name in names))
        while rows := await cursor.fetch(ROWS_PER_PART):
            found += map(convert, rows)
    return found


def create_database(url: str, *, application_name: str, max_size: int) -> Database:
    """Describe a pool of at most `max_size` connections; the caller connects it. Raises `DatabaseUrlError`.

    The URL is parsed here because databases ignores most of it. An `application_name` in it takes precedence.
    """
    options = parse_database_url(url).for_asyncpg(application_name=application_name)
    options["server_settings"]["timezone"] = "UTC"
    if len(options["host"] or ()) > 1:
        options["connect"] = connect_to_any
    return Database(
        "postgresql://",
        min_size=1,
        max_size=max_size,
        command_timeout=COMMAND_TIMEOUT,
        connection_class=_Session,
        init=sessions.bound,
        **options,
    )


def as_struct(row: Record, kind: type[_T]) -> _T:
    """Convert a row to `kind`, whose fields are named like the columns."""
    return msgspec.convert(dict(row), kind)


def as_optional(row: Record | None, kind: type[_T]) -> _T | None:
    """Like `as_struct`, but None for no row."""
    return None if row is None else as_struct(row, kind)


def as_json(value: Any) -> str:
    """Encode a parameter that the statement casts to jsonb."""
    return msgspec.json.encode(value).decode()


__all__ = ["UNREACHABLE", "Connection", "Database", "Record", "as_json", "as_optional", "as_struct", "create_database"]
