"""What the first page of the console shows: the portal, the queue, what failed lately, and the work of two days.

With an `owner` only the jobs and deliveries of that user are read, by the index of the user's own ones.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct
from service.database.dependencies import PRESENT_FAILURE
from service.database.portal.portal_slots import SLOT_LEASE
from service.database.portal.portal_state import fingerprint

OVERVIEW_SPAN = timedelta(hours=48)  # of the chart and of what failed lately
_READ_MAX = 100_000  # newest jobs or failed deliveries that one statement reads


class PortalNow(msgspec.Struct, frozen=True):
    """The portal and those who ask it, as all processes report."""

    workers: int  #: alive
    in_use: int  #: requests to the portal that are open
    paused_for: float  #: seconds; 0 if the portal asked for no pause
    refused_at: datetime | None  #: since when the portal refuses the token
    token_expires_in: float | None  #: seconds, of a token that renews itself; None for another one, or if none was made
    portal_failing_since: datetime | None
    portal_reason: str | None  #: why the portal fails
    portal_succeeded_at: datetime | None
    bucket_failing_since: datetime | None
    bucket_reason: str | None


async def portal_now(connection: Connection, credential: str) -> PortalNow:
    """Return the state of the portal. `credential` is the configured one."""
    rows = await connection.fetch_all(
        "WITH alive AS (SELECT in_use FROM portal_shares WHERE seen_at + :lease >= now()),"
        " known AS (SELECT name, succeeded_at, reason,"
        f" CASE WHEN {PRESENT_FAILURE} THEN failing_since END AS failing_since FROM dependencies)"
        " SELECT (SELECT count(*) FROM alive) AS workers,"
        " (SELECT coalesce(sum(open), 0) FROM alive, unnest(in_use) AS open) AS in_use,"
        " CAST(greatest(0, coalesce(extract(epoch FROM resume_at - now()), 0)) AS double precision) AS paused_for,"
        " CASE WHEN refused_token = :token THEN refused_at END AS refused_at,"
        " (SELECT CAST(extract(epoch FROM expires_at - now()) AS double precision) FROM portal_tokens"
        " WHERE origin = :token) AS token_expires_in,"
        " portal.failing_since AS portal_failing_since, portal.reason AS portal_reason,"
        " portal.succeeded_at AS portal_succeeded_at, bucket.failing_since AS bucket_failing_since,"
        " bucket.reason AS bucket_reason FROM portal_state"
        " LEFT JOIN known AS portal ON portal.name = 'portal' LEFT JOIN known AS bucket ON bucket.name = 'bucket'",
        {"lease": SLOT_LEASE, "token": fingerprint(credential)},
    )
    return as_struct(rows[0], PortalNow)


class QueueOfUser(msgspec.Struct, frozen=True):
    """The jobs that one user waits for."""

    name: str | None  #: None for users who were deleted
    waiting: int
    oldest: float  #: seconds since the oldest of them was requested


async def queue(connection: Connection, owner: UUID | None, *, limit: int) -> list[QueueOfUser]:
    """Return whose jobs wait, the longest queue first."""
    rows = await connection.fetch_all(
        "SELECT users.name, waiting.count AS waiting,"
        " CAST(extract(epoch FROM now() - waiting.oldest) AS double precision) AS oldest"
        " FROM (SELECT user_id, count(*) AS count, min(created_at) AS oldest FROM job_queue"
        f"{'' if owner is None else ' WHERE user_id = :owner'} GROUP BY user_id) AS waiting"
        " LEFT JOIN users ON users.id = waiting.user_id AND users.deleted_at IS NULL"
        " ORDER BY waiting.count DESC, waiting.user_id LIMIT :limit",
        {"limit": limit} if owner is None else {"limit": limit, "owner": owner},
    )
    return [as_struct(row, QueueOfUser) for row in rows]


class FailingHost(msgspec.Struct, frozen=True):
    """A host for which deliveries were given up within `OVERVIEW_SPAN`."""

    host: str
    failed: int
    last_error: str | None  #: of the newest one
    last_at: datetime


async def failing_hosts(connection: Connection, owner: UUID | None, *, limit: int) -> list[FailingHost]:
    """Return the hosts with deliveries that were given up lately, most of them first."""
    rows = await connection.fetch_all(
        "SELECT host, count(*) AS failed, max(completed_at) AS last_at,"
        " (array_agg(last_error ORDER BY completed_at DESC))[1] AS last_error"
        " FROM (SELECT host, completed_at, last_error FROM deliveries WHERE status = 'failed'"
        " AND completed_at > now() - CAST(:span AS interval)"
        f"{'' if owner is None else ' AND user_id = :owner'}"
        f" ORDER BY completed_at DESC LIMIT {_READ_MAX}) AS failed"
        " GROUP BY host ORDER BY count(*) DESC, host LIMIT :limit",
        {"span": OVERVIEW_SPAN, "limit": limit} | ({} if owner is None else {"owner": owner}),
    )
    return [as_struct(row, FailingHost) for row in rows]


class LastFailure(msgspec.Struct, frozen=True):
    """A job that ended with failures within `OVERVIEW_SPAN`."""

    id: UUID
    process_number: str  #: 20 digits
    failed_documents: int
    error_code: str | None  #: of the job, or of most of its documents
    completed_at: datetime


def _jobs(owner: UUID | None) -> str:
    """The ended jobs of `OVERVIEW_SPAN`, at most `_READ_MAX` of them, the newest first."""
    seen, place = ("", "jobs") if owner is None else (" JOIN job_users AS seen ON seen.job_id = jobs.id", "seen")
    whose = "" if owner is None else " AND seen.user_id = :owner"
    return (
        "SELECT jobs.id, jobs.process_number, jobs.status, jobs.completed_documents, jobs.failed_documents,"
        f" jobs.error_code, jobs.completed_at FROM jobs{seen}"
        f" WHERE {place}.created_at > now() - CAST(:span AS interval){whose}"
        f" AND jobs.completed_at IS NOT NULL ORDER BY {place}.created_at DESC LIMIT {_READ_MAX}"
    )


async def last_failures(connection: Connection, owner: UUID | None, *, limit: int) -> list[LastFailure]:
    """Return the jobs that ended with failures lately, the newest first."""
    rows = await connection.fetch_all(
        f"SELECT ended.id, process_number, coalesce(failed_documents, 0) AS failed_documents, completed_at,"
        " coalesce(error_code, (SELECT documents.error_code FROM documents WHERE documents.job_id = ended.id"
        " AND documents.status = 'failed' GROUP BY documents.error_code ORDER BY count(*) DESC LIMIT 1)) AS error_code"
        f" FROM (SELECT * FROM ({_jobs(owner)}) AS lately WHERE status = 'failed' OR failed_documents > 0"
        " ORDER BY completed_at DESC LIMIT :limit) AS ended ORDER BY completed_at DESC",
        {"span": OVERVIEW_SPAN, "limit": limit} | ({} if owner is None else {"owner": owner}),
    )
    return [as_struct(row, LastFailure) for row in rows]


class HourOfWork(msgspec.Struct, frozen=True):
    """The documents of the jobs that ended within one hour."""

    hour: datetime  #: its beginning
    downloaded: int
    failed: int


async def hours(connection: Connection, owner: UUID | None) -> list[HourOfWork]:
    """Return each of the hours of `OVERVIEW_SPAN`, the oldest first, with the present one as the last."""
    rows = await connection.fetch_all(
        "SELECT hour, coalesce(downloaded, 0) AS downloaded, coalesce(failed, 0) AS failed"
        " FROM generate_series(date_trunc('hour', now() - CAST(:span AS interval)) + interval '1 hour', now(),"
        " '1 hour') AS hour"
        " LEFT JOIN (SELECT date_trunc('hour', completed_at) AS hour, sum(completed_documents) AS downloaded,"
        f" sum(failed_documents) AS failed FROM ({_jobs(owner)}) AS lately GROUP BY 1) AS work USING (hour)"
        " ORDER BY hour",
        {"span": OVERVIEW_SPAN} | ({} if owner is None else {"owner": owner}),
    )
    return [as_struct(row, HourOfWork) for row in rows]
