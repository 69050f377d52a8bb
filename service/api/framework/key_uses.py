"""When API keys were last used: noted by requests, written in the background, at most once a minute for each key."""

import asyncio
import contextlib
import contextvars
from datetime import timedelta
from uuid import UUID

import structlog

from service.database.connection import UNREACHABLE, Database
from service.database.users import key_uses

KEY_USE_DELAY = 2.0  # seconds for which uses are collected before they are written
KEY_USE_CLOSE_TIMEOUT = 2.0  # seconds for the last write when the process ends


class KeyUses:
    """The uses that this process has seen. A process that is killed loses those of the last `KEY_USE_DELAY` seconds."""

    def __init__(self, database: Database, *, delay: float = KEY_USE_DELAY) -> None:
        self._database = database
        self._delay = delay
        self._noted: dict[UUID, float] = {}  #: when a use of each key was last noted, by the clock of the loop
        self._unwritten: dict[UUID, float] = {}
        self._writing: asyncio.Task[None] | None = None
        self._is_closing = asyncio.Event()

    def note(self, key_id: UUID) -> None:
        """Note that a request used this key. The request does not wait for the database."""
        now = asyncio.get_running_loop().time()
        if now - self._noted.get(key_id, float("-inf")) < key_uses.KEY_USE_PRECISION.total_seconds():
            return
        self._noted[key_id] = self._unwritten[key_id] = now
        if self._writing is None or self._writing.done():
            # In an empty context: otherwise the log lines of the task would have the id of this request.
            self._writing = asyncio.create_task(self._write_later(), context=contextvars.Context())

    async def close(self) -> None:
        """Write the remaining uses, if the database takes them within `KEY_USE_CLOSE_TIMEOUT` seconds."""
        self._is_closing.set()
        if self._writing is not None:
            _, unfinished = await asyncio.wait([self._writing], timeout=KEY_USE_CLOSE_TIMEOUT)
            for task in unfinished:
                task.cancel()
                await asyncio.wait([task])

    async def _write_later(self) -> None:
        while self._unwritten:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._delay):
                    await self._is_closing.wait()
            await self._write()

    async def _write(self) -> None:
        now = asyncio.get_running_loop().time()
        used, self._unwritten = self._unwritten, {}
        self._forget(now)
        ages = {key_id: timedelta(seconds=now - moment) for key_id, moment in used.items()}
        try:
            async with self._database.connection() as connection:
                await key_uses.note(connection, ages)
        except UNREACHABLE as error:
            # Not retried: the next use of the key, a minute later, is written again.
            structlog.get_logger().warning("key_uses_not_written", error=type(error).__name__)

    def _forget(self, now: float) -> None:
        horizon = now - key_uses.KEY_USE_PRECISION.total_seconds()
        self._noted = {key_id: moment for key_id, moment in self._noted.items() if moment > horizon}
