"""How a case is requested: looked up, registered, and handed to the workers. Shared by what starts downloads."""

import math
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

from service.api.problems import Problem
from service.api.state import State
from service.database import processes, requests
from service.database.connection import Connection
from service.database.requests import Accepted, Request
from service.domain.errors import ErrorCode
from service.domain.listings import Listing
from service.domain.process_number import ProcessNumber
from service.portal.errors import AccessDenied, NotFound, Unavailable

LISTING_TIMEOUT = 5.0  # seconds; the worker waits longer, the client need not
RETRY_AFTER = "30"  # seconds

Found = TypeVar("Found")
Find = Callable[[Connection, Request], Awaitable[Found]]


class Begun(msgspec.Struct, Generic[Found], frozen=True):
    """What was there at the end of the transaction of a request: a worker may be faster than the answer."""

    found: Found
    is_kept: bool = False  #: the portal did not answer; a worker will ask it


async def begin(
    state: State,
    wanted: Request,
    find: Find[Found],
    *,
    is_listed: bool,
    auto_download: bool,
    timeout: float = LISTING_TIMEOUT,
) -> Begun[Found]:
    """List the case where that is needed, and start what it lacks.

    Where the portal does not answer within `timeout` seconds the request is kept for the workers. Raises the
    problems of a case that the portal does not know or denies, and `portal_unavailable` for a request without
    download, of which there is nothing to keep.
    """
    if is_listed and not wanted.force_refresh:
        return await _accept(state, wanted, find, None, auto_download=auto_download)
    asked = await next_listing(state)
    try:
        listing = await list_process(state, wanted.number, timeout, asked=asked)
    except Unavailable as error:
        if not auto_download:
            raise portal_unavailable(error) from None
        return await _keep(state, wanted, find, asked)
    return await _accept(state, wanted, find, listing, auto_download=auto_download)


async def next_listing(state: State) -> int:
    """The place of a listing among all of them, taken before the portal is asked."""
    async with state["database"].connection() as connection:
        return await processes.next_listing(connection)


async def list_process(state: State, number: ProcessNumber, timeout: float = LISTING_TIMEOUT, *, asked: int) -> Listing:
    """Ask the portal. Raises `Unavailable`, and the problems of a case that it does not know or denies."""
    if timeout <= 0:
        raise Unavailable(ErrorCode.PORTAL_UNAVAILABLE, "there is no time left to ask the portal")
    try:
        listing = await state["portal"].list_process(number, timeout=timeout)
    except NotFound:
        raise Problem("process_not_found", "The portal does not know this case.") from None
    except AccessDenied:
        detail = "The portal denies this case to the credentials in use."
        raise Problem("process_access_denied", detail) from None
    return msgspec.structs.replace(listing, asked=asked)


def portal_unavailable(error: Unavailable) -> Problem:
    """For a request that there is nothing to keep of."""
    detail = "The portal does not answer. Ask again, or leave auto_download on to have the request kept."
    retry_after = str(math.ceil(error.retry_after)) if error.retry_after else RETRY_AFTER
    return Problem("portal_unavailable", detail, headers={"Retry-After": retry_after})


async def ring(state: State, accepted: Accepted, woken: UUID | None = None) -> None:
    """After the commit. A bell that is not heard is rung again by the workers' sweep."""
    job_id = accepted.job_id if accepted.new_job or accepted.can_go_on else woken
    if job_id is not None:
        await state["bell"].ring_job(job_id)
    if (due := accepted.delivery) is not None:
        await state["bell"].ring_delivery(due.id, attempt=due.attempt, rings=due.rings, late=False)


async def _accept(
    state: State, wanted: Request, find: Find[Found], listing: Listing | None, *, auto_download: bool
) -> Begun[Found]:
    limit = state["options"].webhook_max_documents

    async def accept(connection: Connection) -> tuple[Accepted, UUID | None, Found]:
        woken: UUID | None = None
        is_known = await processes.lock(connection, wanted.number)
        # Somebody may have listed it since this request asked: of many at once, one does the work.
        is_listed = is_known and not wanted.force_refresh and await processes.is_listed(connection, wanted.number)
        if listing is not None and not is_listed:
            woken = await requests.register(connection, listing)
        accepted = Accepted()
        if auto_download:
            accepted = await requests.accept(connection, wanted, event_limit=limit)
        return accepted, woken, await find(connection, wanted)

    async with state["turns"].take():
        accepted, woken, found = await state["database"].run(accept)
    await ring(state, accepted, woken)
    return Begun(found)


async def _keep(state: State, wanted: Request, find: Find[Found], asked: int) -> Begun[Found]:
    async def keep(connection: Connection) -> tuple[Accepted, Found]:
        return await requests.keep(connection, wanted, asked=asked), await find(connection, wanted)

    async with state["turns"].take():
        accepted, found = await state["database"].run(keep)
    await ring(state, accepted)
    return Begun(found, is_kept=True)
