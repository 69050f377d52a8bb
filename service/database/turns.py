"""Which job is next. Users take turns by start-time fair queueing; triggers keep the queue (migration 0013)."""

from uuid import UUID, uuid4

import msgspec

from service.database.connection import Connection
from service.database.jobs import LEASE, claimed_job
from service.database.portal_slots import LEASE as SHARE_LEASE
from service.domain.jobs import ClaimedJob

COST_MAX = 100  # documents that a claim counts at most: what a large case really uses is shared at the portal


class Claimer(msgspec.Struct, frozen=True):
    """The worker that asks for a job."""

    worker_id: UUID
    total: int  #: slots at the portal, of all workers
    job_concurrency: int  #: slots that one job uses at most
    wants_more: bool  #: slots of this worker would soon have nothing to do


# One statement, which commits by itself: a process that stands still holds no lock, and claims do not wait for
# each other. A user who has no job running is let in at once, anybody else while slots have nothing to do.
_CLAIM = f"""
WITH alive AS MATERIALIZED (
    SELECT users, wanted FROM portal_shares WHERE users IS NOT NULL AND seen_at + :share_lease >= now()
), room AS MATERIALIZED (
    SELECT :wants_more OR :total > coalesce((SELECT sum(count) FROM alive, unnest(wanted) AS count), 0) AS is_free
), busy AS MATERIALIZED (
    SELECT DISTINCT unnest(users) AS user_id FROM alive
), turn AS (
    SELECT turns.user_id FROM turns CROSS JOIN LATERAL (
        SELECT 1 FROM job_queue WHERE job_queue.user_id = turns.user_id AND ready_at IS NULL LIMIT 1) AS waiting
    WHERE (SELECT is_free FROM room) OR NOT EXISTS (SELECT 1 FROM busy WHERE busy.user_id = turns.user_id)
    ORDER BY turns.virtual_time, turns.served_at, turns.user_id LIMIT 1 FOR UPDATE OF turns SKIP LOCKED
), pick AS (
    SELECT turn.user_id, first.id FROM turn CROSS JOIN LATERAL (
        SELECT jobs.id FROM job_queue JOIN jobs ON jobs.id = job_queue.job_id
        WHERE job_queue.user_id = turn.user_id AND ready_at IS NULL AND jobs.status = 'pending'
        ORDER BY job_queue.lane, job_queue.created_at, job_queue.job_id
        LIMIT 1 FOR UPDATE OF jobs SKIP LOCKED) AS first
), took AS (
    UPDATE jobs SET status = 'processing', lease_token = :lease, lease_expires_at = now() + :term,
        started_at = coalesce(started_at, now()), ring_at = now()
    FROM pick WHERE jobs.id = pick.id
    RETURNING jobs.id, process_number, refresh, request_id, listing_failures, now() - created_at AS age,
        started_at = now() AS is_first, lane, pick.user_id
), cost AS (
    SELECT greatest(1, count(*)) AS documents FROM (
        SELECT 1 FROM documents WHERE job_id = (SELECT id FROM took) AND status IN ('pending', 'processing')
        LIMIT {COST_MAX}) AS outstanding
), paid AS (
    UPDATE turns SET virtual_time = virtual_time + cost.documents, served_at = now()
    FROM took, cost WHERE turns.user_id = took.user_id
), told AS (
    UPDATE portal_shares SET users = users || took.user_id, in_use = in_use || 0,
        wanted = wanted || CAST(least(cost.documents, :job_concurrency) AS integer)
    FROM took, cost WHERE worker_id = :worker_id AND users IS NOT NULL
)
SELECT took.id, took.process_number, took.refresh, took.request_id, took.listing_failures, took.age, took.is_first,
    took.lane, took.user_id, cost.documents FROM took, cost
"""


_TIDY = """
WITH users AS MATERIALIZED (
    SELECT turns.user_id, virtual_time, first.job_id IS NOT NULL AS waits FROM turns LEFT JOIN LATERAL (
        SELECT job_id FROM job_queue WHERE job_queue.user_id = turns.user_id AND ready_at IS NULL LIMIT 1
    ) AS first ON true
), present AS MATERIALIZED (
    SELECT coalesce(min(virtual_time) FILTER (WHERE waits), max(virtual_time), 0) AS virtual_time
    FROM users WHERE virtual_time < 'infinity'
), wrong AS (
    SELECT turns.user_id, CASE WHEN waits THEN present.virtual_time ELSE 'infinity' END AS virtual_time
    FROM turns JOIN users ON users.user_id = turns.user_id CROSS JOIN present
    WHERE waits AND turns.virtual_time = 'infinity' OR NOT waits AND turns.virtual_time <= present.virtual_time
    FOR UPDATE OF turns SKIP LOCKED
)
UPDATE turns SET virtual_time = wrong.virtual_time FROM wrong WHERE turns.user_id = wrong.user_id
"""


async def claim_next(connection: Connection, claimer: Claimer) -> ClaimedJob | None:
    """Take the lease of the job whose turn it is. None: there is none, or its user has to wait for a slot."""
    lease = uuid4()
    row = await connection.fetch_one(
        _CLAIM,
        {
            "lease": lease,
            "term": LEASE,
            "share_lease": SHARE_LEASE,
            "worker_id": claimer.worker_id,
            "total": claimer.total,
            "job_concurrency": claimer.job_concurrency,
            "wants_more": claimer.wants_more,
        },
    )
    return None if row is None else claimed_job(row, lease)


async def tidy(connection: Connection) -> None:
    """Take users who wait for nothing and owe nothing out of the order, and put back who was taken out in error.

    That may happen to a user whose job came in the same moment.
    """
    await connection.execute(_TIDY)
