"""What handlers and actions need of a database."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from service.database.connection import Connection

T = TypeVar("T")


class DatabaseAccess(Protocol):
    """A `Database`, or one that waits for its turn before each use."""

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Return a connection, without a transaction."""

    def transaction(self, **options: Any) -> AbstractAsyncContextManager[Connection]:
        """Commit at the end, roll back on any exception."""

    async def run(self, step: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `step` in a transaction, which is repeated after a conflict."""

    async def ask(self, step: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a single statement, which is repeated after a conflict."""
