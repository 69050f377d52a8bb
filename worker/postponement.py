"""Postpones a job that cannot go on, or ends it if it has waited for too long."""

from datetime import timedelta

import structlog

from service.database.cases import case_requests
from service.database.connection import Connection
from service.database.jobs import idle_jobs, jobs
from service.database.leases import LeaseLost
from service.domain.errors import ErrorCode
from service.domain.jobs import ClaimedJob, Settlement
from worker import lease
from worker.context import Context

IDLE_JOB_LIFETIME = timedelta(days=3)  # how long a job waits without getting anything done


class Postponed(Exception):
    """The job goes on later; nothing failed. `reason`: a few words for people."""

    def __init__(self, delay: timedelta, listing_failures: int = 0, *, reason: str) -> None:
        super().__init__(f"postponed for {delay}: {reason}")
        self.delay = delay
        self.listing_failures = listing_failures
        self.reason = reason


async def postpone_or_expire(context: Context, job: ClaimedJob, postponed: Postponed) -> Settlement | None:
    """Postpone the job, or end it with `job_expired` if nothing was downloaded for `IDLE_JOB_LIFETIME`.

    None: it was not ended.

    Every postponement goes through here. If the database is away, the job waits until its lease ends.
    """
    limit = context.limits.webhook_max_documents

    async def decide(connection: Connection) -> Settlement | None:
        delay = postponed.delay
        if await idle_jobs.got_nowhere(connection, job, within=IDLE_JOB_LIFETIME):
            settlement = await case_requests.fail_listing(connection, job, ErrorCode.JOB_EXPIRED, event_limit=limit)
            if settlement is not None:
                return settlement
            delay = timedelta(0)  # it goes on with the documents that are known, without a listing
        failures = postponed.listing_failures
        await jobs.release(connection, job, delay=delay, listing_failures=failures, reason=postponed.reason)
        return None

    try:
        with lease.LoggedIfUnreachable("job_not_released"):
            return await context.database.run(decide)
    except LeaseLost:
        structlog.get_logger().warning("lease_lost")
    return None
