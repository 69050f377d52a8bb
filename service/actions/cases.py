"""Requests a case: lists it, registers it, and starts its downloads. Used by every handler that starts downloads."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

from service.actions.shared_listings import SHORT_LISTING_TIMEOUT, Asking, Unlisted
from service.actions.state import ActionState
from service.database.cases import case_requests, processes
from service.database.cases.case_requests import Accepted, CaseRequest
from service.database.connection import Connection

Found = TypeVar("Found")
Find = Callable[[Connection, CaseRequest], Awaitable[Found]]


class Begun(msgspec.Struct, Generic[Found], frozen=True):
    """What `find` returned in the request's transaction: a worker may change it before the response is sent."""

    found: Found
    is_kept: bool = False  #: the portal did not answer; a worker will ask it


async def begin(
    state: ActionState,
    wanted: CaseRequest,
    find: Find[Found],
    *,
    is_listed: bool,
    auto_download: bool,
    timeout: float = SHORT_LISTING_TIMEOUT,
) -> Begun[Found]:
    """List the case if needed, and start its missing downloads.

    If the portal does not answer within `timeout` seconds, the request is stored for the workers. Raises `NotFound`
    and `AccessDenied`, and `Unlisted` for a request without downloads, which is not stored.
    """
    if is_listed and not wanted.force_refresh:
        return await _accept(state, wanted, find, auto_download=auto_download)
    try:
        await list_process(state, wanted, is_forced=wanted.force_refresh, timeout=timeout)
    except Unlisted as error:
        if not auto_download:
            raise
        return await _keep(state, wanted, find, error.asked)
    return await _accept(state, wanted, find, auto_download=auto_download)


async def list_process(
    state: ActionState, wanted: CaseRequest, *, is_forced: bool, timeout: float = SHORT_LISTING_TIMEOUT
) -> None:
    """List the case at the portal and register it. Raises the errors of `SharedListings.listed`."""
    asking = Asking(wanted.number, wanted.user_id, wanted.lane, state["arrived"], is_forced)
    await state["listings"].listed(asking, timeout=timeout)


async def ring(state: ActionState, accepted: Accepted) -> None:
    """Enqueue the job and the delivery, after the commit. The workers' sweep enqueues again what Redis loses."""
    if accepted.job_id is not None and (accepted.new_job or accepted.can_go_on):
        await state["bell"].ring_job(accepted.job_id)
    if (due := accepted.delivery) is not None:
        await state["bell"].ring_delivery(due.id, attempt=due.attempt, rings=due.rings, late=False)


async def _accept(state: ActionState, wanted: CaseRequest, find: Find[Found], *, auto_download: bool) -> Begun[Found]:
    async def accept(connection: Connection) -> tuple[Accepted, Found]:
        await processes.lock(connection, wanted.number)
        accepted = Accepted()
        if auto_download:
            accepted = await case_requests.accept(connection, wanted, event_limit=state["event_limit"])
        return accepted, await find(connection, wanted)

    async with state["turns"].take():
        accepted, found = await state["database"].run(accept)
    await ring(state, accepted)
    return Begun(found)


async def _keep(state: ActionState, wanted: CaseRequest, find: Find[Found], asked: int | None) -> Begun[Found]:
    async def keep(connection: Connection) -> tuple[Accepted, Found]:
        place = asked
        if place is None and wanted.force_refresh:
            place = await processes.next_listing(connection)
        return await case_requests.accept_unlisted(connection, wanted, asked=place), await find(connection, wanted)

    async with state["turns"].take():
        accepted, found = await state["database"].run(keep)
    await ring(state, accepted)
    return Begun(found, is_kept=True)
