"""The files of a case, and the stream that makes its page live."""

from collections.abc import AsyncIterator

from starlette.responses import RedirectResponse, Response

from service.actions.downloads import UnknownDocument
from service.api.archive import archive_response
from service.api.progress.listeners import ChangeListener
from service.api.progress.stream import RETRY, EventStream, framed
from service.api.progress.watcher import ProgressWatcher
from service.console.case_requests import number_of
from service.console.framework.declarations import page
from service.console.framework.refusal import Refusal
from service.console.framework.visits import Visit
from service.console.pages.case import not_requested
from service.database.cases import documents, processes
from service.database.users import api_keys
from service.domain.process_number import ProcessNumber

_NO_TEMPLATE = ""
_CHANGED = framed("message", b'"changed"', retry=RETRY)


@page(_NO_TEMPLATE)
async def content(visit: Visit) -> Response:
    """Lead to a link that is signed now: a stored document is never shown on the console's own origin."""
    return await signed_redirect(visit, number_of(visit))


async def signed_redirect(visit: Visit, number: ProcessNumber) -> Response:
    """The redirect to the file of the document in the path."""
    document_id = visit.identifier("document_id")
    async with visit.state["database"].connection() as connection:
        document = document_id and await documents.find(connection, number, document_id)
    if not document:
        raise UnknownDocument
    link = await visit.state["links"].signed(document)
    if link is None:
        raise Refusal("document_not_available", "There is no file yet.", advice="document.not_here")
    return RedirectResponse(link, 302, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


@page(_NO_TEMPLATE)
async def archive(visit: Visit) -> Response:
    """All documents of the case that are available, as one ZIP file."""
    number = number_of(visit)
    return await archive_response(visit.state, number, visit.user.id, is_head=visit.request.method == "HEAD")


@page(_NO_TEMPLATE)
async def events(visit: Visit) -> Response:
    """Tell the page that its case has changed, while work on it goes on. 204 ends the browser's tries to connect."""
    number = number_of(visit)
    async with visit.state["database"].connection() as connection:
        overview = await processes.overview(connection, number, visit.user.id)
        key = await api_keys.hash_of(connection, visit.user.key_id)
    if overview is None:
        raise not_requested()
    if overview.active_job is None or key is None:
        return Response(status_code=204)
    listener = ChangeListener(key, changed=_CHANGED, ended=_CHANGED)
    return EventStream(_events(visit.state["watcher"], number, listener))


async def _events(watcher: ProgressWatcher, number: ProcessNumber, listener: ChangeListener) -> AsyncIterator[bytes]:
    async with watcher.follow(number, listener):
        async for events in listener.taken():
            yield events
