"""Estimates how many jobs start before a waiting one: its user's earlier jobs, and other users' turns meanwhile."""

from collections.abc import Sequence
from uuid import UUID

from service.database.connection import Connection

POSITION_MAX = 1000  #: counting stops here: this many, or more
WAITING_USERS_MAX = 10  # of one job; it starts at the first of their turns

# Assumes that all jobs cost the same. While the user's earlier jobs start, every other user starts as many, and one
# more if that user's turn comes first. Each index is read in its order, and only up to the bound.
_POSITION = f"""
WITH own AS MATERIALIZED (
    SELECT job_queue.user_id, job_queue.lane, job_queue.created_at, job_queue.job_id,
        turns.virtual_time, turns.served_at
    FROM job_queue JOIN turns ON turns.user_id = job_queue.user_id
    WHERE job_queue.job_id = :id AND job_queue.ready_at IS NULL ORDER BY job_queue.user_id LIMIT {WAITING_USERS_MAX}
)
SELECT CAST(min(least(before.count + others.count, {POSITION_MAX})) AS integer) AS position FROM jobs
CROSS JOIN own CROSS JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT FROM job_queue WHERE job_queue.user_id = own.user_id AND ready_at IS NULL
            AND (lane, created_at, job_id) < (own.lane, own.created_at, own.job_id)
        LIMIT {POSITION_MAX}) AS earlier
) AS before CROSS JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT FROM turns CROSS JOIN LATERAL (
            SELECT FROM job_queue WHERE job_queue.user_id = turns.user_id AND ready_at IS NULL
            LIMIT before.count + CASE WHEN (turns.virtual_time, turns.served_at, turns.user_id)
                < (own.virtual_time, own.served_at, own.user_id) THEN 1 ELSE 0 END) AS theirs
        WHERE turns.user_id <> own.user_id
        LIMIT {POSITION_MAX} - before.count) AS counted
) AS others
WHERE jobs.id = :id AND jobs.started_at IS NULL
"""


async def position(connection: Connection, job_id: UUID) -> int | None:
    """Estimate how many jobs start before this one, at most `POSITION_MAX`. None if it has started or is delayed."""
    found: int | None = await connection.fetch_val(_POSITION, {"id": job_id})
    return found


async def positions_of(connection: Connection, job_ids: Sequence[UUID]) -> dict[UUID, int | None]:
    """Like `position`, for the jobs of one page."""
    each = _POSITION.replace(":id", "asked.id")
    rows = await connection.fetch_all(
        f"SELECT asked.id, found.position FROM unnest(CAST(:ids AS uuid[])) AS asked (id)"
        f" CROSS JOIN LATERAL ({each}) AS found",
        {"ids": list(job_ids)},
    )
    return {row["id"]: row["position"] for row in rows}
