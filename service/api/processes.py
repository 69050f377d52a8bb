"""`/processes/{number}`: the main entry and the status."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from service.api import parameters
from service.api.operations import Answer, Call, Reply, operation, start_downloads
from service.api.presenters import ProcessView, StatusView, document_views, process_view, status_view
from service.api.problems import Problem
from service.api.queries import NoQuery
from service.api.state import State
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

WebhookUrl = Annotated[
    str,
    Meta(
        description="Where to POST the event when the job ends.",
        examples=["https://hooks.example.com/autos"],
        extra_json_schema={"format": "webhook-url", "maxLength": 2048},
    ),
]


class ShowQuery(msgspec.Struct, frozen=True):
    """What to do beyond looking the case up."""

    webhook_url: WebhookUrl | None = None
    auto_download: Annotated[bool, Meta(description="Start the download of what is not available yet.")] = True
    force_refresh: Annotated[bool, Meta(description="Ask the portal again, and try again what can never succeed.")] = (
        False
    )


@operation(
    Reply(200, "The case and its documents, with links to what is available."),
    Reply(202, "The portal does not answer for now. The request is kept: a worker lists and downloads."),
    problems=("process_not_found", "process_access_denied", "invalid_webhook_url", "portal_unavailable"),
)
async def show(call: Call[ShowQuery, None]) -> Answer[ProcessView]:
    """Look a case up, start what it lacks, answer at once."""
    query = call.query
    async with call.state["database"].connection() as connection:
        state = await processes.completeness(connection, call.number)
    if query.auto_download and (query.force_refresh or not state.is_complete):
        await start_downloads(call)
    webhook_url = None
    if query.webhook_url is not None:
        webhook_url = await parameters.checked_webhook_url(call.request, query.webhook_url)
    wanted = Request(call.number, call.user.id, call.state["request_id"], webhook_url, query.force_refresh)
    listing: Listing | None = None
    if not state.is_listed or query.force_refresh:
        try:
            listing = await list_process(call.state, call.number)
        except Unavailable as error:
            return await _keep(call.state, wanted, auto_download=query.auto_download, error=error)
    return await _accept(call.state, wanted, listing, auto_download=query.auto_download)


async def list_process(state: State, number: ProcessNumber) -> Listing:
    """Ask the portal. Raises `Unavailable`, and the problems of a case that it does not know or denies."""
    try:
        return await state["portal"].list_process(number, timeout=LISTING_TIMEOUT)
    except NotFound:
        raise Problem("process_not_found", "The portal does not know this case.") from None
    except AccessDenied:
        detail = "The portal denies this case to the credentials in use."
        raise Problem("process_access_denied", detail) from None


async def _accept(
    state: State, wanted: Request, listing: Listing | None, *, auto_download: bool
) -> Answer[ProcessView]:
    limit = state["options"].webhook_max_documents
    async with state["database"].transaction() as connection:
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
    await ring(state, accepted, woken)
    return await _answer(state, wanted, found)


async def _keep(state: State, wanted: Request, *, auto_download: bool, error: Unavailable) -> Answer[ProcessView]:
    if not auto_download:
        raise portal_unavailable(error)
    async with state["database"].transaction() as connection:
        accepted = await requests.keep(connection, wanted)
        found = await _find(connection, wanted)
    await ring(state, accepted, None)
    return await _answer(state, wanted, found, status=202)


def portal_unavailable(error: Unavailable) -> Problem:
    """For a request that there is nothing to keep of."""
    detail = "The portal does not answer. Ask again, or leave auto_download on to have the request kept."
    retry_after = str(int(error.retry_after)) if error.retry_after else RETRY_AFTER
    return Problem("portal_unavailable", detail, headers={"Retry-After": retry_after})


async def ring(state: State, accepted: Accepted, woken: UUID | None) -> None:
    """After the commit. A bell that is not heard is rung again by the workers' sweep."""
    job_id = accepted.job_id if accepted.new_job else woken
    if job_id is not None:
        await state["bell"].ring_job(job_id)
    if accepted.delivery_id is not None:
        await state["bell"].ring_delivery(accepted.delivery_id, attempt=1)


async def _find(connection: Connection, wanted: Request) -> tuple[Overview, list[Document]]:
    """What the answer says, in the transaction of the request: a worker may be faster than the answer."""
    overview = await processes.overview(connection, wanted.number, wanted.user_id)
    if overview is None:
        raise not_requested()
    return overview, await documents.of_process(connection, wanted.number)


async def _answer(
    state: State, wanted: Request, found: tuple[Overview, list[Document]], *, status: int = 200
) -> Answer[ProcessView]:
    overview, registered = found
    views = await document_views(registered, state["store"])
    return Answer(process_view(wanted.number, overview, registered, views), status)


@operation(problems=("process_not_found",))
async def status(call: Call[NoQuery, None]) -> StatusView:
    """How far a case is, from the database alone."""
    async with call.state["database"].connection() as connection:
        overview = await processes.overview(connection, call.number, call.user.id)
        if overview is None:
            raise not_requested()
        found = await documents.of_process(connection, call.number)
    views = await document_views(found, call.state["store"])
    return status_view(call.number, overview, found, views)


def not_requested() -> Problem:
    """For what is answered from the database alone."""
    return Problem("process_not_found", "Nobody has requested this case yet.")
