"""A claim of one job by its id. Tests choose the job; workers take the next one."""

from uuid import UUID, uuid4

from service.database.connection import Connection
from service.database.jobs.jobs import JOB_LEASE, claimed_job
from service.domain.jobs import ClaimedJob


async def claim_job(connection: Connection, job_id: UUID) -> ClaimedJob | None:
    """Take the lease of a job. None: another worker has it, or it has ended."""
    lease = uuid4()
    row = await connection.fetch_one(
        "UPDATE jobs SET status = 'processing', lease_token = :lease, lease_expires_at = now() + :term,"
        " started_at = coalesce(started_at, now()), ring_at = now() WHERE id = :id"
        " AND status IN ('pending', 'processing') AND coalesce(lease_expires_at < now(), true)"
        " RETURNING id, process_number, refresh, request_id, listing_failures, now() - created_at AS age,"
        " started_at = now() AS is_first, lane, user_id, 1 AS documents",
        {"id": job_id, "lease": lease, "term": JOB_LEASE},
    )
    return None if row is None else claimed_job(row, lease)
