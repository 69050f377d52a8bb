"""Jobs for display: a single one, and lists."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_optional, as_struct
from service.database.document_counts import COUNTS
from service.domain.positions import Position
from service.domain.process_number import ProcessNumber
from service.domain.statuses import JobStatus


class JobRow(msgspec.Struct, frozen=True):
    """A job as clients and operators see it."""

    id: UUID
    process_number: str
    status: JobStatus
    refresh: bool
    total_documents: int
    completed_documents: int
    failed_documents: int
    lease_expires_at: datetime | None
    error_code: str | None
    error_message: str | None
    waiting_for: str | None  # why it was postponed last, while it waits or the same still fails
    tried_again_at: datetime | None  # when it may run again, if it was postponed
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


class JobFilter(msgspec.Struct, frozen=True):
    """Which jobs are wanted. None means all."""

    user_id: UUID | None = None
    status: JobStatus | None = None
    process_number: ProcessNumber | None = None


# The documents of an active job are counted. An ended job has stored counts: its documents may be in a later job.
_JOB_ROW = (
    "SELECT jobs.id, jobs.process_number, jobs.status, jobs.refresh,"
    " coalesce(jobs.total_documents, counts.total) AS total_documents,"
    " coalesce(jobs.completed_documents, counts.completed) AS completed_documents,"
    " coalesce(jobs.failed_documents, counts.failed) AS failed_documents, jobs.lease_expires_at,"
    " jobs.error_code, jobs.error_message,"
    # Also while it runs again, as long as the dependency that postponed it still fails: a try may take a minute.
    " CASE WHEN jobs.status = 'pending' OR jobs.status = 'processing' AND EXISTS (SELECT FROM dependencies"
    " WHERE failing_since IS NOT NULL AND strpos(jobs.postponed_reason, reason) > 0)"
    " THEN jobs.postponed_reason END AS waiting_for,"
    " CASE WHEN jobs.status = 'pending' AND jobs.postponed_reason IS NOT NULL THEN jobs.ring_at END AS tried_again_at,"
    " jobs.created_at, jobs.started_at, jobs.completed_at"
    f" FROM jobs CROSS JOIN LATERAL ({COUNTS} WHERE jobs.completed_at IS NULL"
    " AND documents.process_number = jobs.process_number AND documents.job_id = jobs.id) AS counts"
)
_SEEN_BY = " JOIN job_users AS seen ON seen.job_id = jobs.id AND seen.user_id = :user_id"


async def page(
    connection: Connection, wanted: JobFilter, *, after: Position[UUID] | None = None, limit: int
) -> list[JobRow]:
    """Return the matching jobs, newest first, starting after a position."""
    conditions, values = ["true"], dict[str, Any]()
    # A user's own list is read in the order of its index.
    moment, key = ("jobs.created_at", "jobs.id") if wanted.user_id is None else ("seen.created_at", "seen.job_id")
    if wanted.user_id is not None:
        values["user_id"] = wanted.user_id
    order = f"{moment} DESC, {key} DESC"
    if wanted.status is not None and wanted == JobFilter(status=wanted.status) and after is None:
        # The newest jobs may all have other statuses, and PostgreSQL would scan them in the order of time. With the
        # status in ORDER BY it uses the index on both. It is only one status, so the order is the same.
        conditions.append(f"jobs.status BETWEEN '{wanted.status}' AND '{wanted.status}'")
        order = f"jobs.status, {order}"
    elif wanted.status is not None:
        # A literal: with a parameter, PostgreSQL would plan for any status and read the jobs of all of them.
        conditions.append(f"jobs.status = '{wanted.status}'")
    if wanted.process_number is not None:
        conditions.append("jobs.process_number = :number")
        values["number"] = wanted.process_number.digits
    if after is not None:
        conditions.append(f"({moment}, {key}) < (:moment, :after_id)")
        values |= {"moment": after.moment, "after_id": after.key}
    rows = await connection.fetch_all(
        f"{_JOB_ROW}{'' if wanted.user_id is None else _SEEN_BY} WHERE {' AND '.join(conditions)}"
        f" ORDER BY {order} LIMIT :limit",
        {**values, "limit": limit},
    )
    return [as_struct(row, JobRow) for row in rows]


async def find(connection: Connection, job_id: UUID, *, user_id: UUID | None = None) -> JobRow | None:
    """Return a job; with `user_id`, only if this user has access to it."""
    values = {"id": job_id} if user_id is None else {"id": job_id, "user_id": user_id}
    row = await connection.fetch_one(f"{_JOB_ROW}{'' if user_id is None else _SEEN_BY} WHERE jobs.id = :id", values)
    return as_optional(row, JobRow)
