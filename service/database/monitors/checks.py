"""Transactions that end the check of a watched case. Each locks the process first, like all that write a case."""

from datetime import timedelta
from uuid import UUID

import msgspec

from service.database.cases import case_requests, news, processes
from service.database.connection import Connection
from service.database.monitors import watches
from service.database.monitors.watches import ClaimedWatch
from service.domain.errors import ErrorCode
from service.domain.listings import Listing, Registered
from service.domain.monitoring.check_times import CheckHours


class Checked(msgspec.Struct, frozen=True):
    """A check that succeeded, and what the caller must enqueue after the commit."""

    registered: Registered
    job_id: UUID | None  #: downloads what is new
    has_recovered: bool  #: its monitors were failing


async def succeed(
    connection: Connection,
    watch: ClaimedWatch,
    listing: Listing,
    hours: CheckHours,
    *,
    request_id: str,
    event_limit: int,
) -> Checked:
    """Register what the portal lists, start the download of what is new, tell watchers, and plan the next check.

    Raises `LeaseLost`: nothing is written then, and another worker checks the case.
    """
    registered = await case_requests.register(connection, listing, event_limit=event_limit)
    await processes.lock(connection, watch.number)
    held = await watches.hold(connection, watch)
    job_id = await news.download_news(connection, watch.number, request_id=request_id)
    await watches.succeed(connection, watch, held, hours)
    return Checked(registered, job_id, held.is_failing)


async def fail(connection: Connection, watch: ClaimedWatch, code: ErrorCode, *, delay: timedelta) -> bool:
    """Note a failure; the next check follows after `delay`. True: its monitors are failing from now on.

    Raises `LeaseLost`.
    """
    await processes.lock(connection, watch.number)
    return await watches.fail(connection, watch, code, delay=delay)


async def end(connection: Connection, watch: ClaimedWatch) -> bool:
    """End the checks of a case that has no monitor left. False: a user has begun to watch it again."""
    await processes.lock(connection, watch.number)
    held = await watches.hold(connection, watch)
    if held.every is not None:
        return False
    await watches.end(connection, watch)
    return True
