"""`/processes/{number}`: the main entry, the status, one document's content."""

from uuid import UUID

from starlette.responses import RedirectResponse, Response

from service.api import parameters
from service.api.authentication import caller, presented_key
from service.api.presenters import document_link, document_views, process_view, status_view
from service.api.problems import Problem
from service.api.responses import json_response
from service.api.state import ApiRequest
from service.database import documents, processes, requests
from service.database.connection import Connection
from service.database.processes import Overview
from service.database.requests import Accepted, Request
from service.domain.documents import Document
from service.domain.listings import Listing
from service.domain.process_number import ProcessNumber
from service.portal.errors import AccessDenied, NotFound, Unavailable

LISTING_TIMEOUT = 5.0  # seconds; the worker waits longer, the client need not
RETRY_AFTER = "30"  # seconds


async def show(request: ApiRequest) -> Response:
    """Look a case up, start what it lacks, answer at once."""
    number = parameters.process_number(request)
    api_key = presented_key(request)
    auto_download = parameters.boolean(request, "auto_download", default=True)
    force_refresh = parameters.boolean(request, "force_refresh", default=False)
    async with request.state["database"].connection() as connection:
        user = await caller(connection, api_key)
        is_listed = await processes.is_listed(connection, number)
    webhook_url = await parameters.webhook_url(request)
    wanted = Request(number, user.id, request.state["request_id"], webhook_url, force_refresh)
    listing: Listing | None = None
    if not is_listed or force_refresh:
        try:
            listing = await _list(request, number)
        except Unavailable as error:
            return await _keep(request, wanted, auto_download=auto_download, error=error)
    return await _accept(request, wanted, listing, auto_download=auto_download)


async def _list(request: ApiRequest, number: ProcessNumber) -> Listing:
    try:
        return await request.state["portal"].list_process(number, timeout=LISTING_TIMEOUT)
    except NotFound:
        raise Problem(404, "process_not_found", "The portal does not know this case.") from None
    except AccessDenied:
        detail = "The portal denies this case to the credentials in use."
        raise Problem(403, "process_access_denied", detail) from None


async def _accept(request: ApiRequest, wanted: Request, listing: Listing | None, *, auto_download: bool) -> Response:
    limit = request.state["options"].webhook_max_documents
    async with request.state["database"].transaction() as connection:
        woken: UUID | None = None
        is_known = await processes.lock(connection, wanted.number)
        # Somebody may have listed it since this request asked: of many at once, one does the work.
        is_listed = is_known and not wanted.force_refresh and await processes.is_listed(connection, wanted.number)
        if listing is not None and not is_listed:
            woken = await requests.register(connection, listing)
        accepted = Accepted()
        if auto_download:
            accepted = await requests.accept(connection, wanted, event_limit=limit)
        found = await _find(connection, wanted)
    await _ring(request, accepted, woken)
    return await _answer(request, wanted, found)


async def _keep(request: ApiRequest, wanted: Request, *, auto_download: bool, error: Unavailable) -> Response:
    if not auto_download:
        detail = "The portal does not answer. Ask again, or leave auto_download on to have the request kept."
        retry_after = str(int(error.retry_after)) if error.retry_after else RETRY_AFTER
        raise Problem(503, "portal_unavailable", detail, headers={"Retry-After": retry_after})
    async with request.state["database"].transaction() as connection:
        accepted = await requests.keep(connection, wanted)
        found = await _find(connection, wanted)
    await _ring(request, accepted, None)
    return await _answer(request, wanted, found, status=202)


async def _ring(request: ApiRequest, accepted: Accepted, woken: UUID | None) -> None:
    """After the commit. A bell that is not heard is rung again by the workers' sweep."""
    job_id = accepted.job_id if accepted.new_job else woken
    if job_id is not None:
        await request.state["bell"].ring_job(job_id)
    if accepted.delivery_id is not None:
        await request.state["bell"].ring_delivery(accepted.delivery_id, attempt=1)


async def _find(connection: Connection, wanted: Request) -> tuple[Overview, list[Document]]:
    """What the answer says, in the transaction of the request: a worker may be faster than the answer."""
    overview = await processes.overview(connection, wanted.number, wanted.user_id)
    if overview is None:
        raise _not_found()
    return overview, await documents.of_process(connection, wanted.number)


async def _answer(
    request: ApiRequest, wanted: Request, found: tuple[Overview, list[Document]], *, status: int = 200
) -> Response:
    overview, registered = found
    views = await document_views(registered, request.state["store"])
    return json_response(process_view(wanted.number, overview, registered, views), status)


async def status(request: ApiRequest) -> Response:
    """How far a case is, from the database alone."""
    number = parameters.process_number(request)
    api_key = presented_key(request)
    async with request.state["database"].connection() as connection:
        user = await caller(connection, api_key)
        overview = await processes.overview(connection, number, user.id)
        if overview is None:
            raise _not_found()
        found = await documents.of_process(connection, number)
    views = await document_views(found, request.state["store"])
    return json_response(status_view(number, overview, found, views))


async def content(request: ApiRequest) -> Response:
    """The URL of a document that never goes stale: redirects to a link signed now."""
    number = parameters.process_number(request)
    api_key = presented_key(request)
    document_id = parameters.document_id(request)
    async with request.state["database"].connection() as connection:
        await caller(connection, api_key)
        document = document_id and await documents.find(connection, number, document_id)
    if not document:
        raise Problem(404, "document_not_found", "This case has no such document.")
    link = await document_link(document, request.state["store"])
    if link is None:
        detail = "The document is not available yet. Its status says why."
        raise Problem(409, "document_not_available", detail)
    return RedirectResponse(link, 302, {"Cache-Control": "no-store"})


def _not_found() -> Problem:
    return Problem(404, "process_not_found", "Nobody has requested this case yet.")
