"""Requests a case: lists it, registers it, and starts its downloads. Used by every handler that starts downloads."""

import msgspec

from service.actions.shared_listings import SHORT_LISTING_TIMEOUT, Asking, Unlisted
from service.actions.state import ActionState
from service.database.cases import case_data, case_requests, documents, processes
from service.database.cases.case_data import StoredCase
from service.database.cases.case_requests import Accepted, CaseRequest
from service.database.cases.processes import Overview
from service.database.connection import Connection
from service.domain.deliveries import DeliveryMessage
from service.domain.documents import Document


class NotRequested(Exception):
    """The case is not in the database."""


class RequestedCase(msgspec.Struct, frozen=True):
    """A case as the transaction of its request left it: a worker may change it before the response is sent."""

    overview: Overview
    documents: list[Document]  #: empty if they were not asked for
    data: StoredCase | None = None  #: None also if the documents were not asked for
    is_unlisted: bool = False  #: the portal did not answer in time; a worker will ask it


async def request_case(
    state: ActionState,
    request: CaseRequest,
    *,
    is_listed: bool,
    auto_download: bool,
    with_documents: bool = True,
    timeout: float = SHORT_LISTING_TIMEOUT,
) -> RequestedCase:
    """List the case if needed, start its missing downloads, and read it, in the transaction that accepts the request.

    If the portal does not answer within `timeout` seconds, the request is stored for the workers. Raises `NotFound`
    and `AccessDenied`, and `Unlisted` for a request without downloads, which is not stored.
    """
    unlisted: Unlisted | None = None
    if not is_listed or request.force_refresh:
        try:
            await _list(state, request, is_forced=request.force_refresh, timeout=timeout)
        except Unlisted as error:
            if not auto_download:
                raise
            unlisted = error

    async def accept(connection: Connection) -> tuple[Accepted, RequestedCase]:
        if unlisted is not None:
            accepted = await _accept_unlisted(connection, request, unlisted.asked)
        else:
            await processes.lock(connection, request.number)
            accepted = await _accept(state, connection, request) if auto_download else Accepted()
        case = await _read(connection, request, with_documents=with_documents, is_unlisted=unlisted is not None)
        return accepted, case

    accepted, case = await state["database"].run(accept)
    await enqueue(state, accepted)
    return case


async def register_case(state: ActionState, request: CaseRequest) -> RequestedCase:
    """List the case again, and start nothing. Raises `NotFound`, `AccessDenied` and `Unlisted`."""
    await _list(state, request, is_forced=True)
    return await state["database"].run(lambda connection: _read(connection, request))


async def enqueue(state: ActionState, accepted: Accepted) -> None:
    """Enqueue the job and the delivery, after the commit. The workers' sweep enqueues again what Redis loses."""
    if accepted.job_id is not None and (accepted.new_job or accepted.can_go_on):
        await state["queue"].enqueue_job(accepted.job_id)
    if (due := accepted.delivery) is not None:
        await state["queue"].enqueue_delivery(due)
    for delivery_id in accepted.endpoint_deliveries:
        await state["queue"].enqueue_delivery(DeliveryMessage(delivery_id))


async def _list(
    state: ActionState, request: CaseRequest, *, is_forced: bool, timeout: float = SHORT_LISTING_TIMEOUT
) -> None:
    asking = Asking(request.number, request.user_id, request.lane, state["arrived"], is_forced)
    await state["listings"].listed(asking, timeout=timeout)


async def _accept(state: ActionState, connection: Connection, request: CaseRequest) -> Accepted:
    return await case_requests.accept(connection, request, event_limit=state["event_limit"])


async def _accept_unlisted(connection: Connection, request: CaseRequest, asked: int | None) -> Accepted:
    if asked is None and request.force_refresh:
        asked = await processes.next_listing(connection)
    return await case_requests.accept_unlisted(connection, request, asked=asked)


async def _read(
    connection: Connection, request: CaseRequest, *, with_documents: bool = True, is_unlisted: bool = False
) -> RequestedCase:
    find = processes.versioned_overview if with_documents else processes.overview
    overview = await find(connection, request.number, request.user_id)
    if overview is None:
        raise NotRequested
    if not with_documents:
        return RequestedCase(overview, [], is_unlisted=is_unlisted)
    found = await documents.of_process(connection, request.number)
    data = await case_data.find(connection, request.number)
    return RequestedCase(overview, found, data, is_unlisted)
