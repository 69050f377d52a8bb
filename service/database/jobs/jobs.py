"""Jobs, their leases, and how the sweep releases them. `turns` decides which job is next."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from service.database import leases
from service.database.connection import Connection, Record, as_struct
from service.database.document_counts import COUNTS_AT_END
from service.database.leases import NO_LEASE, OWNED, LeasedTable, LeaseLost
from service.domain.errors import SENTENCES, ErrorCode
from service.domain.events import Counts
from service.domain.jobs import ClaimedJob, Lane
from service.domain.process_number import ProcessNumber
from service.domain.statuses import JobStatus

JOB_LEASE = timedelta(seconds=15)  # if a worker crashes, others get its job after this and one sweep
LEASED_JOBS = LeasedTable(
    name="jobs",
    is_due="jobs.status IN ('pending', 'processing')",  # `turns` decides which of them is next
    enqueue_at="ring_at",
    at_claim="status = 'processing', started_at = coalesce(started_at, now()), ring_at = now()",
    at_release="status = 'pending'",
)

_ACTIVE = "status IN ('pending', 'processing')"


async def create(
    connection: Connection,
    number: ProcessNumber,
    *,
    refresh: bool,
    user_id: UUID,
    request_id: str,
    lane: Lane = Lane.SINGLE,
    is_awaited: bool = True,
) -> UUID:
    """Add the only active job of a process. The caller holds the lock of the process.

    Without `is_awaited` the user only pays for it with turns: it is not among the user's jobs, and its end is not told.
    """
    job_id = uuid4()
    await connection.execute(
        "WITH job AS (INSERT INTO jobs (id, process_number, refresh, user_id, request_id, lane)"
        " VALUES (:id, :number, :refresh, :user_id, :request_id, :lane) RETURNING id, user_id, created_at)"
        " INSERT INTO job_users (user_id, created_at, job_id) SELECT user_id, created_at, id FROM job"
        " WHERE :is_awaited",
        {
            "id": job_id,
            "number": number.digits,
            "refresh": refresh,
            "user_id": user_id,
            "request_id": request_id,
            "lane": lane,
            "is_awaited": is_awaited,
        },
    )
    return job_id


async def hasten(connection: Connection, job_id: UUID, lane: Lane) -> None:
    """Move a pending job to a lower lane, which goes first. A job in that lane or a lower one stays."""
    await connection.execute(
        "UPDATE jobs SET lane = :lane WHERE id = :id AND lane > :lane AND status = 'pending'",
        {"id": job_id, "lane": lane},
    )


async def find_active(connection: Connection, number: ProcessNumber) -> UUID | None:
    """Return the pending or processing job of a process."""
    job_id: UUID | None = await connection.fetch_val(
        f"SELECT id FROM jobs WHERE process_number = :number AND {_ACTIVE}",
        {"number": number.digits},
    )
    return job_id


async def process_of(connection: Connection, job_id: UUID) -> ProcessNumber | None:
    """Return the process of a job. None: there is no such job."""
    digits = await connection.fetch_val("SELECT process_number FROM jobs WHERE id = :id", {"id": job_id})
    return None if digits is None else ProcessNumber(digits)


async def freeze_progress(connection: Connection, job_id: UUID, percentage: float) -> None:
    """Keep the progress that clients have seen as a minimum, before documents join the job."""
    await connection.execute(
        "UPDATE jobs SET progress_floor = greatest(progress_floor, CAST(:percentage AS double precision))"
        " WHERE id = :id AND NOT refresh",
        {"id": job_id, "percentage": percentage},
    )


async def ask_for_refresh(connection: Connection, job_id: UUID, *, after: int | None) -> None:
    """Have the worker list the case again before the job ends.

    `after`: sequence number of a listing; only a later one will do.
    """
    await connection.execute(
        "UPDATE jobs SET refresh = true, refresh_after = greatest(refresh_after, CAST(:after AS bigint))"
        " WHERE id = :id",
        {"id": job_id, "after": after},
    )


async def stop_pausing(connection: Connection, job_id: UUID) -> bool:
    """End the pause of a job that no worker has. False: it is not paused, so nothing has to be enqueued."""
    paused = await connection.fetch_val(
        "UPDATE jobs SET ring_at = now() WHERE id = :id AND lease_token IS NULL AND ring_at > now() RETURNING id",
        {"id": job_id},
    )
    return paused is not None


class _ClaimedRow(msgspec.Struct):
    id: UUID
    process_number: str
    refresh: bool
    request_id: str
    listing_failures: int
    age: timedelta
    is_first: bool
    lane: Lane
    user_id: UUID | None
    documents: int


def claimed_job(row: Record, lease: UUID) -> ClaimedJob:
    """Convert a row that was claimed."""
    claimed = as_struct(row, _ClaimedRow)
    fields = msgspec.structs.asdict(claimed)
    return ClaimedJob(number=ProcessNumber(fields.pop("process_number")), lease=lease, **fields)


async def release(
    connection: Connection,
    job: ClaimedJob,
    *,
    delay: timedelta,
    listing_failures: int = 0,
    reason: str | None = None,
) -> None:
    """Release the job: workers can take it after `delay`.

    `reason` is stored to show why the job waits. After a failure to list the case there is no delay if another
    process has listed it meanwhile.
    """
    await leases.release(
        connection,
        LEASED_JOBS,
        job,
        delay=delay,
        enqueue_at="now() + CASE WHEN :failures > 0 AND NOT refresh THEN interval '0' ELSE :delay END",
        also="listing_failures = CASE WHEN refresh THEN :failures ELSE 0 END, postponed_reason = :reason",
        values={"failures": listing_failures, "reason": reason},
    )


async def stop_waiting(connection: Connection, job_id: UUID, *, place: int | None) -> UUID | None:
    """Note that the case was listed. Returns the job if it was waiting for that.

    `place`: sequence number of the listing; None if the job goes on without one.
    """
    waited: UUID | None = await connection.fetch_val(
        "UPDATE jobs SET refresh = false, refresh_after = NULL, listing_failures = 0,"
        " ring_at = least(ring_at, now())"
        " WHERE id = :id AND refresh AND coalesce(refresh_after < CAST(:place AS bigint), true) RETURNING id",
        {"id": job_id, "place": place},
    )
    return waited


async def note_error(connection: Connection, job_id: UUID, error: ErrorCode) -> None:
    """Store why the case could not be listed again. The job keeps this error unless it ends with another one."""
    await connection.execute(
        "UPDATE jobs SET error_code = :code, error_message = :message WHERE id = :id",
        {"id": job_id, "code": error, "message": SENTENCES[error]},
    )


async def hold(connection: Connection, job: ClaimedJob) -> None:
    """Lock the job, so that its lease is not lost before the transaction ends. Raises `LeaseLost`."""
    await leases.hold(connection, LEASED_JOBS, job)


async def wants_listing(connection: Connection, job: ClaimedJob) -> bool:
    """Whether the case has to be listed before the job can end."""
    wanted: bool = await connection.fetch_val("SELECT refresh FROM jobs WHERE id = :id", {"id": job.id})
    return wanted


async def has_work(connection: Connection, job: ClaimedJob) -> bool:
    """Whether the job has documents to download or a listing to get. Locks the job. Raises `LeaseLost`."""
    row = await connection.fetch_one(
        "SELECT refresh OR EXISTS (SELECT 1 FROM documents WHERE documents.job_id = jobs.id"
        " AND documents.status IN ('pending', 'processing')) AS more"
        f" FROM jobs WHERE {OWNED} FOR UPDATE",
        {"id": job.id, "lease": job.lease},
    )
    if row is None:
        raise LeaseLost
    more: bool = row["more"]
    return more


async def count_documents(connection: Connection, job_id: UUID) -> Counts:
    """Count the documents of an active job as if it ended now."""
    [row] = await connection.fetch_all(
        f"{COUNTS_AT_END} WHERE process_number = (SELECT process_number FROM jobs WHERE id = :id) AND job_id = :id",
        {"id": job_id},
    )
    return as_struct(row, Counts)


async def end(
    connection: Connection, job_id: UUID, status: JobStatus, counts: Counts, *, error: ErrorCode | None = None
) -> datetime:
    """End an active job and store its result. Returns the time. The caller holds the lock of the process."""
    moment: datetime = await connection.fetch_val(
        f"UPDATE jobs SET status = :status, completed_at = change_time(), {NO_LEASE},"
        " error_code = coalesce(CAST(:code AS text), error_code),"
        " error_message = coalesce(CAST(:message AS text), error_message), total_documents = :total,"
        " completed_documents = :completed,"
        " failed_documents = :failed WHERE id = :id RETURNING completed_at",
        {
            "id": job_id,
            "status": status,
            "code": error,
            "message": None if error is None else SENTENCES[error],
            **msgspec.structs.asdict(counts),
        },
    )
    return moment


async def release_expired(connection: Connection, *, limit: int) -> int:
    """Release jobs whose lease has expired. Returns how many, at most `limit`."""
    rows = await connection.fetch_all(
        f"UPDATE jobs SET {LEASED_JOBS.released}, ring_at = now()"
        " WHERE id IN (SELECT id FROM jobs WHERE status = 'processing' AND lease_expires_at < now()"
        " LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING 1",
        {"limit": limit},
    )
    return len(rows)


async def release_delayed(connection: Connection, *, limit: int) -> int:
    """Let workers take jobs whose delay has passed. Returns how many, at most `limit`."""
    rows = await connection.fetch_all(
        "UPDATE jobs SET ring_at = now() WHERE id IN (SELECT id FROM jobs WHERE status = 'pending' AND id IN"
        " (SELECT job_id FROM job_queue WHERE ready_at <= now() ORDER BY ready_at LIMIT :limit)"
        " FOR UPDATE SKIP LOCKED) RETURNING 1",
        {"limit": limit},
    )
    return len(rows)
