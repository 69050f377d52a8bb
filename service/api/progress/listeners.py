"""One open event stream: what it was given and has not sent yet, which is never more than a bounded number of bytes."""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec

from service.database.cases.processes import Overview
from service.domain.events import Counts

BACKLOG = 1024 * 1024  # bytes; those of one look are shared by all listeners of a case


class Opening(msgspec.Struct, frozen=True):
    """What a stream begins with: a case as one look saw it, shared by all who came before that look."""

    overview: Overview  #: without anybody's webhook
    counts: Counts
    documents: msgspec.Raw  #: encoded, once for everybody


class Listener:
    """Who waits for the events of a case. The watcher gives, the stream takes."""

    def __init__(self, key: bytes, render: Callable[[Opening], bytes], *, backlog: int = BACKLOG) -> None:
        """`key`: the hash of the API key, which may be revoked meanwhile. `render` makes the first event.

        `backlog`: bytes that may wait; one look may be larger, where nothing else waits.
        """
        self.key = key
        self._render = render
        self._backlog = backlog
        self._waiting = 0  # bytes
        self._given: asyncio.Queue[asyncio.Task[Opening] | bytes | None] = asyncio.Queue()

    def begin(self, opening: asyncio.Task[Opening]) -> None:
        """Give what the stream begins with, before anything else."""
        self._given.put_nowait(opening)

    def send(self, batch: bytes) -> None:
        """Give the events of one look. Whoever is too far behind is closed instead, and can connect again."""
        if self._waiting and self._waiting + len(batch) > self._backlog:
            self.close()
            return
        self._waiting += len(batch)
        self._given.put_nowait(batch)

    def finish(self) -> None:
        """Give nothing more: the stream ends when it has sent what it was given."""
        self._given.put_nowait(None)

    def close(self) -> None:
        """End the stream without what was not sent yet."""
        while not self._given.empty():
            self._given.get_nowait()
        self.finish()

    async def taken(self) -> AsyncIterator[bytes]:
        """What to send, look by look, until the stream ends."""
        while (events := await self._take()) is not None:
            yield events
            # Nothing, so that whoever waits for the next look does not hold the bytes of this one meanwhile.
            yield (events := b"")

    async def _take(self) -> bytes | None:
        given = await self._given.get()
        if isinstance(given, asyncio.Task):
            # Shielded: others wait for the same one.
            return self._render(await asyncio.shield(given))
        self._waiting -= len(given or b"")
        return given
