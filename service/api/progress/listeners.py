"""The queue of one open event stream: the events that were not sent yet, up to a number of bytes."""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec

from service.database.cases.processes import Overview
from service.domain.events import Counts

BACKLOG_MAX_BYTES = 1024 * 1024  # bytes; all listeners of a case share the bytes of one poll


class Opening(msgspec.Struct, frozen=True):
    """What a stream begins with: a case as one poll saw it, shared by all listeners that joined before that poll."""

    overview: Overview  #: without any user's webhook
    counts: Counts
    documents: msgspec.Raw  #: encoded, once for all listeners


class Listener:
    """Queues the events of a case for one client. The watcher puts them in, the stream takes them out."""

    is_detailed = True  #: False: it tells that something changed, and the watcher need not sign links for it

    def __init__(self, key: bytes, render: Callable[[Opening], bytes], *, backlog: int = BACKLOG_MAX_BYTES) -> None:
        """`key`: the hash of the API key: the stream is closed when it is revoked. `render` makes the first event.

        `backlog`: bytes that may wait. The events of one poll may be larger if nothing else waits.
        """
        self.key = key
        self._render = render
        self._backlog = backlog
        self._waiting = 0  # bytes
        self._given: asyncio.Queue[asyncio.Task[Opening | None] | bytes | None] = asyncio.Queue()

    def begin(self, opening: asyncio.Task[Opening | None] | None) -> None:
        """Queue what the stream begins with. Call it before `send`. If it returns None, the stream ends.

        `opening` is None only if the listener is not detailed.
        """
        self._given.put_nowait(opening)

    def send(self, batch: bytes) -> None:
        """Queue the events of one poll. A stream that is too far behind is closed instead; its client can reconnect."""
        if self._waiting and self._waiting + len(batch) > self._backlog:
            self.close()
            return
        self._waiting += len(batch)
        self._given.put_nowait(batch)

    def finish(self) -> None:
        """End the stream after it has sent what is queued."""
        self._given.put_nowait(None)

    def close(self) -> None:
        """End the stream, and drop what was not sent yet."""
        while not self._given.empty():
            self._given.get_nowait()
        self.finish()

    async def taken(self) -> AsyncIterator[bytes]:
        """What to send, poll by poll, until the stream ends."""
        while (events := await self._take()) is not None:
            yield events
            # Empty bytes: otherwise the response would hold the bytes of this poll while it waits for the next one.
            yield (events := b"")

    async def _take(self) -> bytes | None:
        given = await self._given.get()
        if isinstance(given, asyncio.Task):
            # Shielded: other listeners wait for the same task.
            opening = await asyncio.shield(given)
            return None if opening is None else self._render(opening)
        self._waiting -= len(given or b"")
        return given


class ChangeListener(Listener):
    """Tells its client that something changed, and nothing else: the client reads the page again.

    It begins with a change: the case may have changed since the client read the page.
    """

    is_detailed = False

    def __init__(self, key: bytes, *, changed: bytes, ended: bytes) -> None:
        """`changed`, `ended`: the events."""
        super().__init__(key, lambda _opening: b"")
        self._changed = changed
        self._ended = ended

    def begin(self, opening: asyncio.Task[Opening | None] | None) -> None:  # noqa: ARG002  (as the base class)
        """Queue the first change."""
        self.send(self._changed)

    def send(self, batch: bytes) -> None:  # noqa: ARG002  (what changed does not matter)
        """Queue a change, unless one waits."""
        if self._given.empty():
            self._given.put_nowait(self._changed)

    def finish(self) -> None:
        """End the stream with the event `ended`: the client need not come back."""
        self._given.put_nowait(self._ended)
        self._given.put_nowait(None)

    def close(self) -> None:
        """End the stream; the client may come back."""
        while not self._given.empty():
            self._given.get_nowait()
        self._given.put_nowait(None)
