"""The lock by which PostgreSQL notices the death of this process."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from service.database.connection import Database
from service.database.portal import life_locks


@dataclass(eq=False)
class HeldLock:
    """A lock and the session that holds it."""

    key: int
    is_direct: bool  #: without a proxy: only the server, an administrator or the end of this process ends the session
    has_ended: bool = False  #: the session, as far as this process knows


def _ignore() -> None:
    return


class LifeLock:
    """Holds an advisory lock in a session of its own for as long as the process lives."""

    def __init__(self, database: Database) -> None:
        """`database`: a pool that nothing else uses."""
        self._database = database
        self.held: HeldLock | None = None
        self.on_loss: Callable[[], None] = _ignore  #: called when the session that held the lock has ended

    async def hold(self) -> None:
        """Take a lock and hold it. Raises one of `UNREACHABLE` when the session ends; then call it again."""
        ended = asyncio.Event()
        try:
            async with self._database.connection() as connection:
                connection.raw_connection.add_termination_listener(lambda _: ended.set())
                taken = await life_locks.take(connection)
                self.held = HeldLock(taken.key, taken.is_direct)
                await ended.wait()
                raise ConnectionError("the session ended")
        finally:
            self._let_go()

    def _let_go(self) -> None:
        held, self.held = self.held, None
        if held is not None:
            held.has_ended = True
            self.on_loss()
