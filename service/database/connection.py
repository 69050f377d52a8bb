"""A connection pool that keeps its slots, whatever is cancelled or fails."""

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
from databases.interfaces import Record
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.base import PGDialect

from service.database import sessions
from service.database.hosts import connect_to_any
from service.database.url import parse_database_url

_T = TypeVar("_T")

#: PostgreSQL ended one of two transactions that stood in each other's way: the same again has every chance.
AGAIN: tuple[type[Exception], ...] = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
TRIES = 5  # of such a transaction
AGAIN_AFTER = 0.05  # seconds at most, times the number of tries so far

#: What is raised where PostgreSQL is away, restarts, or has no connection to spare in time.
UNREACHABLE: tuple[type[Exception], ...] = (
    OSError,  # TimeoutError among them
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # Of a connection that was lost while it was being asked.
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    # No connection, memory or room on the disk to spare; files that cannot be read.
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    # The password is being changed, or the database restored, while the service runs.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    # This process stood still within a transaction, or another one does that holds a lock.
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.LockNotAvailableError,
    # After a failover the session may be one with a server that is no primary any more.
    asyncpg.ReadOnlySQLTransactionError,
    # Of what was tried again in vain.
    *AGAIN,
)
ACQUIRE_TIMEOUT = 20.0  # seconds; databases itself would wait for ever
RELEASE_TIMEOUT = 5.0  # seconds; on a wire that went silent asyncpg would wait for ever
CLOSE_TIMEOUT = 5.0  # seconds
PART = 200  # rows that are decoded and converted at a time, in two milliseconds
COMMAND_TIMEOUT = 15.0  # seconds; the longest statement registers a listing of thousands of documents


class _Session(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    """A connection on which nothing is set beyond a transaction: asyncpg needs no statement to reset it."""

    def get_reset_query(self) -> str:
        """None: it would cost a round trip each time that a connection goes back to the pool."""
        return ""


@lru_cache(maxsize=1000)  # there are about a hundred statements
def _bound(statement: str) -> tuple[str, tuple[str, ...]]:
    """A statement as asyncpg wants it, and the names of its parameters in their order.

    databases would have SQLAlchemy compile it for each call, which takes longer than most statements do.
    """
    dialect = PGDialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it out
    compiled = text(statement).compile(dialect=dialect)
    names = tuple(sorted(compiled.params))
    return str(compiled) % {name: f"${place}" for place, name in enumerate(names, start=1)}, names


class PoolUse(msgspec.Struct, frozen=True):
    """Connections of one pool."""

    idle: int
    in_use: int


class PooledConnection(Connection):
    """Returns its slot to the pool whatever happens on the way out.

    databases 0.9 loses the slot when a task is cancelled while it releases one, and refuses that task every
    later connection. asyncpg shields its own release from cancellation, so forgetting first is enough.
    """

    async def __aenter__(self) -> "PooledConnection":
        async with asyncio.timeout(ACQUIRE_TIMEOUT):
            await super().__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        async with self._connection_lock:
            if any(isinstance(each, asyncpg.ReadOnlySQLTransactionError) for each in exc):
                # Every session of the pool may be with the wrong server: each is closed, and made anew when needed.
                await self._database._backend._pool.expire_connections()
            self._connection_counter -= 1
            if self._connection_counter:
                return
            backend: Any = self._connection
            raw, backend._connection = backend._connection, None
            self._database._connection = None
            if raw.is_in_transaction():
                # COMMIT or ROLLBACK was given up halfway. asyncpg rolls back, but calls it an error of the program.
                raw.terminate()
            # asyncpg closes a connection that it cannot reset; what was done on it stays done.
            with contextlib.suppress(*UNREACHABLE):
                await backend._database._pool.release(raw, timeout=RELEASE_TIMEOUT)

    async def fetch_all(self, query: Any, values: Mapping[str, Any] | None = None) -> list[Any]:
        """The rows of a statement."""
        statement, names = _bound(query)
        async with self._query_lock:
            rows: list[Any] = await self.raw_connection.fetch(statement, *((values or {})[name] for name in names))
        return rows

    async def fetch_one(self, query: Any, values: Mapping[str, Any] | None = None) -> Any:
        """The first row, or None."""
        statement, names = _bound(query)
        async with self._query_lock:
            return await self.raw_connection.fetchrow(statement, *((values or {})[name] for name in names))

    async def fetch_val(self, query: Any, values: Mapping[str, Any] | None = None, column: Any = 0) -> Any:
        """One column of the first row, or None."""
        row = await self.fetch_one(query, values)
        return None if row is None else row[column]

    async def execute(self, query: Any, values: Mapping[str, Any] | None = None) -> None:
        """Run a statement."""
        await self.fetch_one(query, values)


class Database(databases.Database):
    """`databases.Database` with the two leaks closed that its transactions have.

    Children of a task get a connection of their own: never fan out inside a transaction.
    """

    def connection(self) -> Connection:
        """The connection of the current task, a new one if it has none."""
        if not self._connection:
            self._connection = PooledConnection(self, self._backend)
        return self._connection

    @asynccontextmanager
    async def transaction(self, **options: Any) -> AsyncIterator[Connection]:  # type: ignore[override]  # see below
        """Commit at the end, roll back on any exception. Nested ones become savepoints.

        The decorator and await forms of databases are gone: its own Transaction leaks a slot when COMMIT fails.
        """
        async with self.connection() as connection, connection.raw_connection.transaction(**options):
            yield connection

    async def run(self, step: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Run `step` in a transaction, a few times where PostgreSQL ended it for the sake of another one.

        What `step` does beside the database it may do more than once.
        """
        return await self._again(self.transaction, step)

    async def ask(self, step: Callable[[Connection], Awaitable[_T]]) -> _T:
        """As `run`, outside of a transaction: for a single statement."""
        return await self._again(self.connection, step)

    async def _again(
        self, opened: Callable[[], AbstractAsyncContextManager[Connection]], step: Callable[[Connection], Awaitable[_T]]
    ) -> _T:
        for tried in range(1, TRIES):
            try:
                async with opened() as connection:
                    return await step(connection)
            except AGAIN:
                # At another moment than the one that it met.
                await asyncio.sleep(AGAIN_AFTER * tried * random.random())  # noqa: S311  (spreads load, hides nothing)
        async with opened() as connection:
            return await step(connection)

    async def ping(self) -> None:
        """Have the server answer that it takes writes. Raises one of `UNREACHABLE` where it does not."""
        async with self.connection() as connection:
            if await connection.fetch_val("SELECT current_setting('transaction_read_only')") == "on":
                raise asyncpg.ReadOnlySQLTransactionError("the server takes no writes")

    def pool_use(self) -> PoolUse:
        """The connections that are open now."""
        pool = self._backend._pool
        idle = pool.get_idle_size()
        return PoolUse(idle=idle, in_use=pool.get_size() - idle)

    async def close(self) -> None:
        """Disconnect; a connection still in use after `CLOSE_TIMEOUT` seconds is cut."""
        pool = self._backend._pool
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.disconnect()
        except TimeoutError:
            pool.terminate()


async def fetch_in_parts(
    connection: Connection, query: str, values: Mapping[str, Any], convert: Callable[[Any], _T]
) -> list[_T]:
    """The converted rows of a statement that may have thousands, all as of one moment.

    asyncpg decodes what has arrived in one piece. Between two parts the event loop serves others.
    """
    statement, names = _bound(query)
    found: list[_T] = []
    async with connection.raw_connection.transaction():
        cursor = await connection.raw_connection.cursor(statement, *(values[name] for name in names))
        while rows := await cursor.fetch(PART):
            found += map(convert, rows)
    return found


def create_database(url: str, *, application_name: str, max_size: int) -> Database:
    """Describe a pool of at most `max_size` connections; the caller connects it.

    databases would take little from the URL itself. An `application_name` in it goes first.
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
    """Turn a row into a value of `kind`, whose fields are the row's columns."""
    return msgspec.convert(dict(row), kind)


def as_optional(row: Record | None, kind: type[_T]) -> _T | None:
    """`as_struct`, or None for no row."""
    return None if row is None else as_struct(row, kind)


def as_json(value: Any) -> str:
    """Encode a parameter that the statement casts to jsonb."""
    return msgspec.json.encode(value).decode()


__all__ = ["UNREACHABLE", "Connection", "Database", "Record", "as_json", "as_optional", "as_struct", "create_database"]
