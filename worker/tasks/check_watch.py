"""Task: check a watched case. Ask the portal for its listing, register it, start the download of what is new."""

import random
from datetime import timedelta
from functools import partial
from uuid import uuid4

import msgspec
import structlog

from service.actions import kept_listings
from service.actions.registered import enqueue_registered
from service.database.cases import processes
from service.database.connection import UNREACHABLE
from service.database.leases import LeaseLost
from service.database.monitors import checks, watches
from service.database.monitors.checks import Checked
from service.database.monitors.watches import CHECK_LEASE, LEASED_WATCHES, ClaimedWatch
from service.domain.errors import ErrorCode
from service.domain.jobs import Lane
from service.domain.listings import Listing
from service.portal.client import PortalClient
from service.portal.errors import AccessDenied, NotFound, PortalError, Unavailable
from service.portal.gate import CHECKS_USER
from worker import lease
from worker.context import Context
from worker.tasks.download_process import LONG_LISTING_TIMEOUT
from worker.tasks.listing_refusals import final_error

CHECK_BACKOFF = timedelta(minutes=5)  # after the first failure; doubled with each further one
_DOUBLINGS = 16  # by then every interval is reached


class _NoSlot(Exception):
    """Other work had all slots for too long. The check has not failed."""


class _NotListed(Exception):
    """The portal has not listed the case."""

    def __init__(self, code: ErrorCode, retry_after: float | None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


async def check_watch(context: Context, watch: ClaimedWatch) -> None:
    """Check a case whose lease this worker has taken. Whatever fails is logged, and the case is checked again."""
    log = structlog.get_logger()
    request_id = uuid4().hex
    with structlog.contextvars.bound_contextvars(process_number=watch.number.masked, request_id=request_id):
        done: tuple[Listing, Checked] | None = None
        try:
            async with lease.given_back_if_cancelled(partial(release, context, watch)):
                done = await lease.keep(
                    context.database, LEASED_WATCHES, watch, _work(context, watch, request_id), term=CHECK_LEASE
                )
        except LeaseLost:
            log.warning("check_lost")
        except _NoSlot:
            await release(context, watch)
        except UNREACHABLE as error:
            log.warning("check_interrupted", error=type(error).__name__)
            await release(context, watch)
        except Exception:  # process boundary: the case must not wait for its lease to end, and others go on
            log.exception("check_broken")
            await _fail(context, watch, ErrorCode.INTERNAL_ERROR)
        if done is not None:
            await _finish(context, *done)


async def release(context: Context, watch: ClaimedWatch) -> None:
    """Let another worker check the case, at once."""
    with lease.LoggedIfUnreachable("check_not_released"):
        async with context.database.connection() as connection:
            await watches.release(connection, watch)


async def _work(context: Context, watch: ClaimedWatch, request_id: str) -> tuple[Listing, Checked] | None:
    """Check the case, to the end of its lease. None: it was not listed, and why is written."""
    if watch.every is None and await context.database.run(lambda connection: checks.end(connection, watch)):
        structlog.get_logger().info("watch_ended")
        return None
    try:
        listing = await _listing(context, watch)
    except _NotListed as failure:
        await _fail(context, watch, failure.code, retry_after=failure.retry_after)
        return None
    checked = await context.database.run(
        lambda connection: checks.succeed(
            connection,
            watch,
            listing,
            context.limits.check_hours,
            request_id=request_id,
            event_limit=context.limits.webhook_max_documents,
        )
    )
    return listing, checked


async def _listing(context: Context, watch: ClaimedWatch) -> Listing:
    """Ask the portal, after interactive work. Raises `_NotListed` and `_NoSlot`."""
    with context.share.job(CHECKS_USER, Lane.CHECK, 1) as passing:
        # Waits for its turn without the timeout of the listing.
        async with passing.admitted():
            pass
        async with context.database.connection() as connection:
            asked = await processes.next_listing(connection)
        admissions, portal = passing.admissions, context.portal.with_pass(passing)
        try:
            listing = await portal.list_process(watch.number, timeout=LONG_LISTING_TIMEOUT)
        except PortalError as error:
            # Its timeout has passed in the queue. Errors of other types, such as that of a dead token, need no slot.
            if passing.admissions == admissions and type(error) is Unavailable:
                raise _NoSlot from error
            raise _NotListed(await _code(portal, watch, error), error.retry_after) from error
    return msgspec.structs.replace(listing, asked=asked)


async def _code(portal: PortalClient, watch: ClaimedWatch, error: PortalError) -> ErrorCode:
    if isinstance(error, NotFound):
        return ErrorCode.PROCESS_NOT_FOUND
    if isinstance(error, AccessDenied):
        return ErrorCode.PROCESS_ACCESS_DENIED
    return await final_error(portal, watch.number, error, failures=watch.failures) or error.code


async def _fail(context: Context, watch: ClaimedWatch, code: ErrorCode, *, retry_after: float | None = None) -> None:
    """Note a failure. If the database is away, the lease ends by itself, and the case is checked again."""
    asked_for = timedelta(seconds=retry_after or 0)
    delay = max(backoff(watch.failures, watch.every), asked_for) * (1 + random.random() / 10)  # noqa: S311  (spreads load)
    log = structlog.get_logger()
    context.metrics.checks.labels(code).inc()
    log.warning("check_failed", error_code=code, failures=watch.failures + 1, seconds=round(delay.total_seconds()))
    with lease.LoggedIfUnreachable("check_not_ended"):
        try:
            is_failing = await context.database.run(
                lambda connection: checks.fail(connection, watch, code, delay=delay)
            )
        except LeaseLost:
            log.warning("check_lost")
            return
        if is_failing:
            log.error("monitor_failing", error_code=code)


def backoff(failures: int, every: timedelta | None) -> timedelta:
    """Return the time until a check is tried again, after so many earlier failures: at most the interval itself."""
    longest = CHECK_BACKOFF if every is None else every
    return min(CHECK_BACKOFF * (1 << min(failures, _DOUBLINGS)), longest)


async def _finish(context: Context, listing: Listing, checked: Checked) -> None:
    """Log the check, enqueue what it has set going, and keep the portal's answer.

    The sweep finds what Redis does not take. If the bucket fails, the older answer stays.
    """
    context.metrics.checks.labels("listed").inc()
    told = len(checked.registered.deliveries)
    structlog.get_logger().info("case_checked", deliveries=told, job_id=checked.job_id and str(checked.job_id))
    if checked.has_recovered:
        structlog.get_logger().info("monitor_recovered")
    await enqueue_registered(context.queue, checked.registered)
    if checked.job_id is not None:
        await context.queue.enqueue_job(checked.job_id)
    await kept_listings.keep(context.database, context.store, listing)
