"""Notes in the database and the log whether the portal and the bucket work, without delaying the calls to them."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

import structlog

from service.database import dependencies
from service.database.connection import UNREACHABLE, Database
from service.domain.dependencies import LASTING_FAILURE, Dependency

NOTE_INTERVAL = 5.0  # seconds between two notes of an unchanged state
TOLD_EVERY = 60.0  # seconds between two log lines about a lasting failure
WRITE_TIMEOUT = 10.0  # seconds


@dataclass
class _Known:
    """What this process knows about one dependency. Times are those of the event loop."""

    failing_since: float | None = None
    reason: str | None = None
    note_at: float = float("-inf")  #: when an unchanged state is noted again
    tell_at: float = 0.0
    is_told: bool = False
    writing: "asyncio.Task[None] | None" = None


class DependencyNotes:
    """Notes how the dependencies behave towards this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Dependency, _Known] = defaultdict(_Known)

    def succeeded(self, name: Dependency) -> None:
        """Note that the dependency works."""
        known, now = self._known[name], asyncio.get_running_loop().time()
        if known.is_told:
            structlog.get_logger().info("dependency_works_again", dependency=name)
        is_news = known.reason is not None
        known.failing_since, known.reason, known.is_told = None, None, False
        self._note(name, known, now, is_news=is_news)

    def failed(self, name: Dependency, reason: str) -> None:
        """Note that the dependency failed, for a reason that is not the request's fault."""
        known, now = self._known[name], asyncio.get_running_loop().time()
        if known.failing_since is None:
            known.failing_since = now
            known.tell_at = now + LASTING_FAILURE
        is_news, known.reason = known.reason != reason, reason
        if now >= known.tell_at:
            known.tell_at, known.is_told = now + TOLD_EVERY, True
            seconds = round(now - known.failing_since)
            structlog.get_logger().warning("dependency_fails", dependency=name, reason=reason, seconds=seconds)
        self._note(name, known, now, is_news=is_news)

    async def close(self) -> None:
        """Cancel writes under way: the next process notes the state itself."""
        writing = [known.writing for known in self._known.values() if known.writing is not None]
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)

    def _note(self, name: Dependency, known: _Known, now: float, *, is_news: bool) -> None:
        if is_news or now >= known.note_at:
            known.note_at = now + NOTE_INTERVAL
            if known.writing is None or known.writing.done():
                known.writing = asyncio.create_task(self._write(name, known))

    async def _write(self, name: Dependency, known: _Known) -> None:
        """Write the state, and again if it changed meanwhile."""
        written: tuple[str | None] | None = None
        try:
            while written != (known.reason,):
                written = (known.reason,)
                async with asyncio.timeout(WRITE_TIMEOUT), self._database.connection() as connection:
                    await dependencies.note(connection, name, known.reason)
        except UNREACHABLE as error:
            # The next use of the dependency is noted again.
            known.note_at = float("-inf")
            structlog.get_logger().debug("dependency_not_noted", error=type(error).__name__)
