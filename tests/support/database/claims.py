"""Claim and renew one job by its id. Tests choose the job; workers take the next one."""

from uuid import UUID, uuid4

from service.database import leases
from service.database.connection import Connection
from service.database.jobs.jobs import JOB_LEASE, LEASED_JOBS, claimed_job
from service.domain.jobs import ClaimedJob


async def claim_job(connection: Connection, job_id: UUID) -> ClaimedJob | None:
    """Take the lease of a job. None: another worker has it, or it has ended."""
    lease = uuid4()
    returning = (
        "id, process_number, refresh, request_id, listing_failures, now() - created_at AS age,"
        " started_at = now() AS is_first, lane, user_id, 1 AS documents"
    )
    row = await leases.claim(connection, LEASED_JOBS, job_id, lease, term=JOB_LEASE, returning=returning)
    return None if row is None else claimed_job(row, lease)


async def renew_job(connection: Connection, job: ClaimedJob) -> bool:
    """Extend the lease of a job. False: it is lost."""
    return await leases.renew(connection, LEASED_JOBS, job, term=JOB_LEASE)
