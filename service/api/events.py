"""`/processes/{number}/events`: the progress of a case, pushed."""

from collections.abc import AsyncIterator
from functools import partial

import msgspec
from starlette.responses import Response

from service.actions.cases import NotRequested
from service.api.framework.operations import Call, Reply, Tag, operation
from service.api.framework.queries import NoQuery
from service.api.presenters.processes import status_view
from service.api.progress.listeners import Listener, Opening
from service.api.progress.stream import RETRY, EventStream, encoded
from service.api.progress.watcher import ProgressWatcher
from service.database.cases import processes
from service.database.cases.processes import Subscription
from service.domain.process_number import ProcessNumber


@operation(
    "events_show",
    Tag.CASES,
    Reply(
        200,
        "Events until the work has ended: `snapshot` (the response of the status endpoint), then `document` (one of its"
        " documents, as it is now) and `progress`, then `completed`, `failed`, `cancelled` or `updated`.",
        media_type="text/event-stream",
    ),
    problems=("process_not_found",),
)
async def show(call: Call[NoQuery, None]) -> Response:
    """Follow a case while it is worked on.

    A new connection gets a new snapshot. If the work has ended already, the last event follows at once. A case without
    a requested download has no last event until there is one. A comment every 15 seconds keeps the stream alive.
    """
    async with call.state["database"].connection() as connection:
        own = await processes.overview(connection, call.number, call.user.id)
    if own is None:
        raise NotRequested
    listener = Listener(call.key.hash, partial(_snapshot, call.number, own.subscription))
    return EventStream(_events(call.state["watcher"], call.number, listener))


async def _events(watcher: ProgressWatcher, number: ProcessNumber, listener: Listener) -> AsyncIterator[bytes]:
    async with watcher.follow(number, listener):
        async for events in listener.taken():
            yield events


def _snapshot(number: ProcessNumber, own: Subscription | None, opening: Opening) -> bytes:
    """The event with what the status endpoint returns, with the caller's own webhook."""
    overview = msgspec.structs.replace(opening.overview, subscription=own)
    view = msgspec.structs.replace(status_view(number, overview, opening.counts, []), documents=opening.documents)
    return encoded("snapshot", view, retry=RETRY)
