"""Task: claim a job, list the case if needed, download its documents in parallel, end the job."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import structlog

from service.actions import kept_listings
from service.actions.leased_listing import leased
from service.actions.registered import enqueue_deliveries
from service.database.cases import case_requests, documents, untidy_cases
from service.database.connection import UNREACHABLE, Connection
from service.database.jobs import jobs
from service.database.leases import LeaseLost
from service.database.portal import listing_leases
from service.database.portal.listing_leases import ListingOutcome
from service.domain.documents import Task
from service.domain.errors import ErrorCode
from service.domain.jobs import ClaimedJob, Settlement
from service.domain.listings import Registered
from service.portal.errors import AccessDenied, Busy, NotFound, Outage, PortalError, Unauthorized, Unavailable
from service.storage.store_errors import StorageError
from worker import lease
from worker.context import Context
from worker.downloads.documents import download_documents
from worker.postponement import Postponed, postpone_or_expire
from worker.tasks.claiming import Claim
from worker.tasks.listing_refusals import final_error
from worker.tasks.listing_turn import take_lease

CLAIM_LOOP = "claim_loop"  #: key of the claim loop in arq's context
LONG_LISTING_TIMEOUT = 60.0  # seconds
JOB_BACKOFF = timedelta(seconds=15)
JOB_BACKOFF_MAX = timedelta(minutes=10)
JOB_PAUSE = timedelta(seconds=20)  # after a fault that is not of one document: the bucket, the token
DATABASE_PAUSE = timedelta(seconds=2)


async def download_process(ctx: dict[str, Any], *_job: str) -> None:
    """Wake the claim loop. A message only says that some job waits; in the version before it named the job."""
    ctx[CLAIM_LOOP].wake()


async def claim_and_run(context: Context, claim: Claim, claimed: "asyncio.Future[bool]") -> bool:
    """Claim a job and work on it until it ends, its lease is lost, or it has to wait.

    `claimed` is set as soon as it is known whether there is one. Return False for a job that has to wait.
    """
    job = await lease.claim(_claim(context, claim), partial(_release, context))
    claimed.set_result(job is not None)
    if job is None:
        return True
    if job.is_first:
        context.metrics.job_queue_seconds.observe(job.age.total_seconds())
    expected = min(job.documents, context.limits.download_concurrency)
    with (
        structlog.contextvars.bound_contextvars(
            job_id=str(job.id), process_number=job.number.masked, request_id=job.request_id
        ),
        context.share.job(job.user_id, job.lane, expected) as passing,
    ):
        return await _run(replace(context, portal=context.portal.with_pass(passing)), job)


async def _claim(context: Context, claim: Claim) -> ClaimedJob | None:
    with lease.LoggedIfUnreachable("job_not_claimed"):
        async with context.database.connection() as connection:
            return await claim(connection)
    return None


async def _run(context: Context, job: ClaimedJob) -> bool:
    log = structlog.get_logger()
    log.info("job_claimed")
    try:
        async with lease.given_back_if_cancelled(partial(_hand_over, context, job)):
            settlement = await lease.keep(
                context.database, jobs.LEASED_JOBS, job, _work(context, job), term=jobs.JOB_LEASE
            )
    except LeaseLost:
        context.metrics.leases_lost.inc()
        log.warning("lease_lost")
    except Postponed as postponed:
        return await _postpone(context, job, postponed)
    except UNREACHABLE as error:
        log.warning("database_unreachable", error=type(error).__name__)
        return await _postpone(context, job, Postponed(DATABASE_PAUSE, reason="the database cannot be reached"))
    except Exception as error:  # process boundary: the job must not wait for its lease to end, and others go on
        log.exception("job_interrupted")
        reason = f"a fault of this program: {type(error).__name__}"
        return await _postpone(context, job, Postponed(JOB_PAUSE, reason=reason))
    else:
        await _tell_end(context, settlement)
    return True


async def _postpone(context: Context, job: ClaimedJob, postponed: Postponed) -> bool:
    # If a worker is stopped here, the job would wait until its lease ends.
    settlement = await lease.finish(postpone_or_expire(context, job, postponed))
    if settlement is not None:
        await _tell_end(context, settlement)
        return True
    seconds = postponed.delay.total_seconds()
    structlog.get_logger().warning("job_postponed", seconds=seconds, reason=postponed.reason)
    return False


async def _tell_end(context: Context, settlement: Settlement) -> None:
    context.metrics.jobs_ended.labels(settlement.status).inc()
    counts = settlement.counts
    structlog.get_logger().info("job_ended", status=settlement.status, available=counts.completed, failed=counts.failed)
    await enqueue_deliveries(context.queue, settlement.deliveries)


async def _hand_over(context: Context, job: ClaimedJob) -> None:
    structlog.get_logger().warning("job_handed_over")
    await _release(context, job)


async def _release(context: Context, job: ClaimedJob) -> None:
    """Let another worker take the job at once, without a reason that is shown."""
    with lease.LoggedIfUnreachable("job_not_released"):
        async with context.database.connection() as connection:
            await jobs.release(connection, job, delay=timedelta(0))


async def _work(context: Context, job: ClaimedJob) -> Settlement:
    limit = context.limits.webhook_max_documents
    while True:
        async with context.database.connection() as connection:
            # Before anything is written to the bucket: however this worker ends, its objects are found.
            await untidy_cases.mark(connection, job.number)
            tasks = await documents.tasks_of_job(connection, job.id)
            wants_listing = not tasks and await jobs.wants_listing(connection, job)
        # Known documents first: they need no listing, and the portal may not give one now.
        await _download(context, job, tasks)
        if wants_listing and (refused := await _list(context, job)) is not None:
            settlement = await _abandon(context, job, refused)
            if settlement is not None:
                return settlement
            structlog.get_logger().warning("listing_refused", error_code=refused)
        settlement = await context.database.run(
            lambda connection: case_requests.finish(connection, job, event_limit=limit)
        )
        if settlement is not None:
            return settlement


async def _abandon(context: Context, job: ClaimedJob, refused: ErrorCode) -> Settlement | None:
    limit = context.limits.webhook_max_documents
    return await context.database.run(
        lambda connection: case_requests.fail_listing(connection, job, refused, event_limit=limit)
    )


async def _list(context: Context, job: ClaimedJob) -> ErrorCode | None:
    """List the case and register it. Return why the portal never lists it, if so. Raises `Postponed`."""
    listing_lease = await take_lease(context, job)
    if listing_lease is None:
        return None

    async def register(connection: Connection) -> Registered:
        registered = await case_requests.register(connection, listing, event_limit=context.limits.webhook_max_documents)
        await jobs.hold(connection, job)
        await listing_leases.end(connection, listing_lease, ListingOutcome.LISTED)
        return registered

    try:
        async with leased(context.database, listing_lease):
            found = await context.portal.list_process(job.number, timeout=LONG_LISTING_TIMEOUT)
            listing = msgspec.structs.replace(found, asked=listing_lease.asked)
            registered = await context.database.run(register)
    except NotFound:
        return ErrorCode.PROCESS_NOT_FOUND
    except AccessDenied:
        return ErrorCode.PROCESS_ACCESS_DENIED
    except Unavailable as error:
        refused = await final_error(context.portal, job.number, error, failures=job.listing_failures)
        if refused is not None:
            return refused
        raise _put_off(job, error) from error
    await enqueue_deliveries(context.queue, registered.deliveries)
    await kept_listings.keep(context.database, context.store, listing)
    return None


def _put_off(job: ClaimedJob, error: Unavailable) -> Postponed:
    asked_for = timedelta(seconds=error.retry_after or 0)
    is_of_case = isinstance(error, Unauthorized) and error.token_works
    if isinstance(error, Outage | Busy) and not is_of_case:
        return Postponed(max(JOB_PAUSE, asked_for), job.listing_failures, reason=str(error))
    backoff = min(JOB_BACKOFF * 2**job.listing_failures, JOB_BACKOFF_MAX)
    return Postponed(max(backoff, asked_for), job.listing_failures + 1, reason=f"no listing: {error}")


async def _download(context: Context, job: ClaimedJob, tasks: list[Task]) -> None:
    """Download these documents. Raises `LeaseLost` and `Postponed`."""
    try:
        await download_documents(context, job, tasks)
    except ExceptionGroup as failures:
        raise _reason(failures) from failures


def _reason(failures: ExceptionGroup[Exception]) -> Exception:
    """What stopped the downloads, as one exception that is no group: the first failure cancelled the others.

    A group holds groups: each lane has one for its writes.
    """
    if failures.subgroup(LeaseLost):
        return LeaseLost()
    if (pausing := failures.subgroup((StorageError, Outage))) is not None:
        first = _first(pausing)
        asked_for = timedelta(seconds=first.retry_after or 0) if isinstance(first, PortalError) else JOB_PAUSE
        return Postponed(max(JOB_PAUSE, asked_for), reason=str(first) or type(first).__name__)
    return _first(failures)


def _first(failures: BaseExceptionGroup[Exception]) -> Exception:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
