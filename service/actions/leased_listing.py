"""Lists a case under its lease, in an API process or a worker.

The lease is renewed while the portal is asked, and the outcome is written for the processes that wait.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from service.database.connection import UNREACHABLE, Connection, Database
from service.database.portal import listing_leases
from service.database.portal.listing_leases import Lease, ListingOutcome
from service.portal.errors import AccessDenied, NotFound, PortalError, Unavailable

RENEW_INTERVAL = 1.0  # seconds
LISTING_FAILURES = (NotFound, AccessDenied, Unavailable)


def outcome_of(error: PortalError) -> ListingOutcome:
    """Return the outcome of a listing that failed with one of `LISTING_FAILURES`."""
    if isinstance(error, NotFound):
        return ListingOutcome.NOT_FOUND
    return ListingOutcome.DENIED if isinstance(error, AccessDenied) else ListingOutcome.UNAVAILABLE


@asynccontextmanager
async def leased(database: Database, lease: Lease) -> AsyncIterator[None]:
    """Renew the lease while the caller asks the portal and registers the listing.

    The transaction that registers must also call `listing_leases.end`. One of `LISTING_FAILURES` is written as the
    outcome for the processes that wait. After any other exception they may ask at once.
    """
    renewing = asyncio.ensure_future(_renew(database, lease))
    has_ended = False
    try:
        yield
        has_ended = True
    except LISTING_FAILURES as error:
        outcome, retry_after = outcome_of(error), error.retry_after
        await _tell(database, lambda each: listing_leases.end(each, lease, outcome, retry_after=retry_after))
        has_ended = True
        raise
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])
        if not has_ended:
            # Cancelled or failed: release the lease now. If the database is unreachable, it ends in seconds.
            await _tell(database, lambda each: listing_leases.give_up(each, lease))


async def _renew(database: Database, lease: Lease) -> None:
    while True:
        await asyncio.sleep(RENEW_INTERVAL)
        await _tell(database, lambda each: listing_leases.renew(each, lease))


async def _tell(database: Database, step: Callable[[Connection], Awaitable[None]]) -> None:
    """Write to the lease. If the database is unreachable, waiting processes go on when the lease ends."""
    try:
        async with database.connection() as connection:
            await step(connection)
    except UNREACHABLE as error:
        structlog.get_logger().warning("listing_lease_not_written", error=type(error).__name__)
