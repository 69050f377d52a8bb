"""Polls the database about twice a second, once for all event streams of this API process together."""

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
import structlog

from service.api.presenters.document_links import DocumentLinks
from service.api.presenters.documents import DocumentView, document_views
from service.api.progress.changed_cases import ChangedCases, ToLoad
from service.api.progress.changes import CaseProgress, Change, end_name
from service.api.progress.listeners import Listener, Opening
from service.api.progress.stream import encoded
from service.database.cases import documents, processes
from service.database.cases.processes import Overview
from service.database.connection import UNREACHABLE, Connection, Database
from service.database.horizon import horizon
from service.database.users import users
from service.domain.documents import Document
from service.domain.events import count
from service.domain.process_number import ProcessNumber
from service.http.responses import encoded_list
from service.http.slices import Slices
from service.storage.store_errors import StorageError

POLL_INTERVAL = 0.5  # seconds between polls
JOINING_TIME = 0.05  # seconds after a poll; listeners that join in this time share the next one
OUTAGE_PAUSE = 1.0  # seconds to the next poll if the database cannot be reached
OPENINGS_PER_POLL = 50  # cases that one poll loads whole for new listeners; many at once must not delay the others


class _Case:
    def __init__(self, number: ProcessNumber) -> None:
        self.number = number
        self.progress = CaseProgress(number)
        self.joining: set[Listener] = set()  #: wait for a poll that begins after they joined
        self.listeners: set[Listener] = set()

    @property
    def all_listeners(self) -> set[Listener]:
        return self.joining | self.listeners


class _Snapshot(msgspec.Struct, frozen=True):
    """What one poll read of one case."""

    overview: Overview
    versions: dict[UUID, int]  #: of all documents, in the order of the file
    loaded: dict[UUID, Document]  #: those that were written since the last poll; all of them for a joining listener


class ProgressWatcher:
    """Sends changes to listeners. It polls the database only while there are any, with one connection at a time.

    A listener begins with what one poll saw, and gets the changes that each later poll finds. So it misses nothing, and
    gets nothing that is older than its beginning.
    """

    def __init__(
        self, database: Database, links: DocumentLinks, slices: Slices, *, interval: float = POLL_INTERVAL
    ) -> None:
        """`interval`: seconds between polls."""
        self._database = database
        self._links = links
        self._slices = slices
        self._interval = interval
        self._cases: dict[ProcessNumber, _Case] = {}
        self._changed = ChangedCases()
        self._wake = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def follow(self, number: ProcessNumber, listener: Listener) -> AsyncIterator[None]:
        """Send the events of a case to `listener` during the block. The case must exist, else nothing is sent."""
        case = self._cases.setdefault(number, _Case(number))
        case.joining.add(listener)
        self._wake.set()
        if self._watching is None or self._watching.done():
            # In an empty context: otherwise all log lines of the task would have the id of this request.
            self._watching = asyncio.create_task(self._watch(), context=contextvars.Context())
        try:
            yield
        finally:
            case.joining.discard(listener)
            case.listeners.discard(listener)
            self._drop_unfollowed(case)

    def _drop_unfollowed(self, case: _Case) -> None:
        if not case.all_listeners and self._cases.get(case.number) is case:
            del self._cases[case.number]

    async def close(self) -> None:
        """Stop polling; streams that are still open end."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    async def _watch(self) -> None:
        is_away = False
        self._changed.lost()
        try:
            while self._cases:
                self._wake.clear()
                is_away = not await self._poll(quietly=is_away)
                await (asyncio.sleep(OUTAGE_PAUSE) if is_away else self._rest())
        finally:
            for case in self._cases.values():
                _close(case.all_listeners)

    async def _rest(self) -> None:
        await asyncio.sleep(JOINING_TIME)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._interval - JOINING_TIME):
                await self._wake.wait()

    async def _poll(self, *, quietly: bool) -> bool:
        """Poll once and send what changed. False if the database cannot be reached: then nothing is sent.

        If links cannot be signed, it ends the streams that need them.
        """
        admitted = self._admit()
        cases = {number: case for number, case in self._cases.items() if case.listeners or number in admitted}
        keys = {listener.key for case in cases.values() for listener in case.all_listeners}
        try:
            async with self._database.connection() as connection:
                moment = await horizon(connection)
            async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
                revoked = keys - await users.live_keys(connection, keys)
                to_load = await self._changed.find(connection, cases)
                seen = await _load(connection, cases, to_load, admitted)
            self._changed.passed(moment)
        except UNREACHABLE as error:
            self._changed.lost()
            if not quietly:
                structlog.get_logger().warning("progress_not_seen", error=type(error).__name__)
            return False
        async with asyncio.TaskGroup() as group:
            # Side by side: if the source of the store's credentials hangs, each case waits for it.
            for number, snapshot in seen.items():
                group.create_task(self._publish(cases[number], snapshot, admitted.get(number, [])))
        for case in cases.values():
            _close([listener for listener in case.all_listeners if listener.key in revoked])
        return True

    def _admit(self) -> dict[ProcessNumber, list[Listener]]:
        """The joining listeners whose streams begin with this poll; the others wait for a later one."""
        waiting = {number: list(case.joining) for number, case in self._cases.items() if case.joining}
        if len(waiting) > OPENINGS_PER_POLL:
            self._wake.set()
        return dict(list(waiting.items())[:OPENINGS_PER_POLL])

    async def _publish(self, case: _Case, snapshot: _Snapshot, admitted: list[Listener]) -> None:
        change = case.progress.update(snapshot.overview, snapshot.versions, snapshot.loaded)
        end = None if change.end is None else encoded(end_name(change.end), change.end)
        if case.listeners:
            await self._send(case, change, end)
        if admitted:
            self._begin(case, snapshot, case.joining.intersection(admitted), end)
        if end is not None:
            for listener in case.listeners:
                listener.finish()
            case.listeners.clear()
            self._drop_unfollowed(case)

    async def _send(self, case: _Case, change: Change, end: bytes | None) -> None:
        try:
            is_detailed = any(listener.is_detailed for listener in case.listeners)
            batch = await self._batch(change, end) if is_detailed else _any_change(change, end)
        except StorageError as error:
            # Only of this case. What changed is not told again: each client connects for a new snapshot.
            _log_end(case.number, error)
            _close(case.listeners)
            return
        if batch:
            for listener in case.listeners:
                listener.send(batch)

    def _begin(self, case: _Case, snapshot: _Snapshot, admitted: set[Listener], end: bytes | None) -> None:
        opening = None
        if any(listener.is_detailed for listener in admitted):
            # A task of its own, shared by all of them: signing the links of a large case takes a while.
            opening = asyncio.create_task(self._open(case.number, snapshot))
        for listener in admitted:
            listener.begin(opening)
            if end is not None:
                listener.send(end)
        case.joining -= admitted
        case.listeners |= admitted

    async def _open(self, number: ProcessNumber, snapshot: _Snapshot) -> Opening | None:
        """Return what streams begin with. None: its links cannot be signed."""
        found = [snapshot.loaded[each] for each in snapshot.versions]
        try:
            views = await document_views(found, self._links, self._slices)
        except StorageError as error:
            _log_end(number, error)
            return None
        return Opening(snapshot.overview, count(found), await encoded_list(views, self._slices))

    async def _batch(self, change: Change, end: bytes | None) -> bytes:
        """The events of one poll, as bytes: links are signed once for all listeners."""
        views = await document_views(change.documents, self._links, self._slices)
        events = await self._slices.run(_encoded_documents, views)
        if end is not None:
            events.append(end)
        elif change.progress is not None:
            events.append(encoded("progress", change.progress))
        return b"".join(events)


async def _load(
    connection: Connection,
    cases: Mapping[ProcessNumber, _Case],
    to_load: ToLoad,
    whole: Collection[ProcessNumber],
) -> dict[ProcessNumber, _Snapshot]:
    """Read the cases that may have changed, and those in `whole` completely. Needs one snapshot of the database."""
    wanted_cases = to_load.cases.union(whole)
    overviews = await processes.overviews(connection, wanted_cases) if wanted_cases else {}
    certain = to_load.changed.union(whole)
    changed = [
        number
        for number, overview in overviews.items()
        if number in certain or cases[number].progress.may_have_changed(overview)
    ]
    versions = await documents.versions(connection, changed) if changed else {}
    wanted = {
        number: list(there) if number in whole else cases[number].progress.rewritten(there)
        for number, there in versions.items()
    }
    ids = [each for some in wanted.values() for each in some]
    loaded = await documents.by_id(connection, ids) if ids else {}
    return {
        number: _Snapshot(
            overviews[number],
            versions.get(number, {}),
            {each: loaded[each] for each in wanted.get(number, ())},
        )
        for number in changed
    }


def _any_change(change: Change, end: bytes | None) -> bytes:
    """Not empty if there is something to tell to listeners that are not detailed."""
    return b"changed" if change.documents or change.progress is not None or end is not None else b""


async def _encoded_documents(views: Sequence[DocumentView]) -> list[bytes]:
    return [encoded("document", view) for view in views]


def _log_end(number: ProcessNumber, error: StorageError) -> None:
    structlog.get_logger().warning("event_streams_ended", process_number=number.masked, reason=str(error))


def _close(listeners: Collection[Listener]) -> None:
    for listener in listeners:
        listener.close()
