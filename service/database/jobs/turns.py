"""Which job is next. Users take turns by start-time fair queueing; triggers fill `job_queue` (migration 0013)."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec

from service.database.connection import Connection
from service.database.jobs.jobs import JOB_LEASE, LEASED_JOBS, claimed_job
from service.database.portal.portal_slots import SLOT_LEASE
from service.domain.jobs import ClaimedJob

COST_MAX = 100  # documents that a claim counts at most; the requests of a large case are shared at the portal
#: While all slots are in use: this long after their last claim, a user may start one more job that is in no batch.
SINGLE_JOB_INTERVAL = timedelta(seconds=0.5)
LOCKED_MAX = 20  # users that one claim skips because other transactions have locked their jobs


class Claimer(msgspec.Struct, frozen=True):
    """The worker that asks for a job."""

    worker_id: UUID
    total: int  #: slots at the portal, of all workers
    job_concurrency: int  #: slots that one job uses at most
    wants_more: bool  #: slots of this worker would soon have nothing to do
    passed_over: Sequence[UUID] = ()  #: users who get no job now: this worker has enough of theirs
    newcomers_only: bool = False  #: this worker is full: it takes only jobs of users who have none running


# Whether a user has a job that may start: the first one in the order of an index. With EXISTS, PostgreSQL may read the
# whole table, in which claims leave dead rows until the next vacuum.
_HAS_JOB = (
    "(SELECT true FROM job_queue WHERE job_queue.user_id = ordered.user_id AND ready_at IS NULL{only}"
    " ORDER BY lane, created_at, job_id LIMIT 1)"
)
# The place of the claim's user in the arrays of a worker's report, or behind their ends. A report that grew with each
# claim would soon need more pages, which all claims read.
_PLACE = "coalesce(array_position(users, took.user_id), cardinality(users) + 1)"
# One statement, which commits by itself: a frozen process holds no lock, and claims do not wait for each other.
# While slots are idle, any user may start a job. While all slots are in use, a user may start one:
# - at once, if no job of the user is running;
# - at once, if all running jobs of the user come from batches and the new one does not;
# - every `SINGLE_JOB_INTERVAL`, if the new job comes from no batch and such jobs of the user want fewer than
#   `total * job_concurrency` slots.
_CLAIM = f"""
WITH alive AS MATERIALIZED (
    SELECT users, wanted, singles FROM portal_shares WHERE users IS NOT NULL AND seen_at + :share_lease >= now()
), room AS MATERIALIZED (
    SELECT NOT :newcomers_only AND (:wants_more
        OR :total > coalesce((SELECT sum(count) FROM alive, unnest(wanted) AS count), 0)) AS is_free
), busy AS MATERIALIZED (
    SELECT user_id, coalesce(sum(single), 0) AS singles
    FROM alive, unnest(users, singles) AS need (user_id, single) GROUP BY user_id
), turn AS (
    -- One user after the other in their order, which is sorted here: an index of it would be written by each claim, and
    -- the next claims would read what it was before. OFFSET has the jobs looked for behind the sort.
    SELECT first.user_id FROM (
        SELECT turns.user_id, served_at, room.is_free OR busy.user_id IS NULL AS may_begin_any
        FROM turns CROSS JOIN room LEFT JOIN busy ON busy.user_id = turns.user_id
        WHERE turns.user_id <> ALL(CAST(:passed_over AS uuid[])) AND (room.is_free OR busy.user_id IS NULL
            OR NOT :newcomers_only AND (busy.singles = 0
                OR busy.singles < :total * :job_concurrency AND served_at + :patience <= now()))
        ORDER BY virtual_time, served_at, turns.user_id OFFSET 0
    ) AS ordered CROSS JOIN LATERAL (
        -- While slots are full, a user who was served in this very moment has to wait for the next.
        SELECT turns.user_id FROM turns WHERE turns.user_id = ordered.user_id
            AND ((SELECT is_free FROM room) OR turns.served_at = ordered.served_at)
        FOR UPDATE OF turns SKIP LOCKED
    ) AS first WHERE CASE WHEN may_begin_any THEN {_HAS_JOB.format(only="")}
        ELSE {_HAS_JOB.format(only=" AND lane = 0")} END LIMIT 1
), pick AS (
    SELECT turn.user_id, first.id FROM turn CROSS JOIN LATERAL (
        SELECT jobs.id FROM job_queue JOIN jobs ON jobs.id = job_queue.job_id
        WHERE job_queue.user_id = turn.user_id AND ready_at IS NULL
            -- As an expression that PostgreSQL has no statistics of: almost every job that it knows has ended, and it
            -- would expect the same of those in the queue, and look at all of them to find one.
            AND CASE jobs.status WHEN 'pending' THEN true ELSE false END
        ORDER BY job_queue.lane, job_queue.created_at, job_queue.job_id
        LIMIT 1 FOR UPDATE OF jobs SKIP LOCKED) AS first
), took AS (
    UPDATE jobs SET {LEASED_JOBS.claimed} FROM pick WHERE jobs.id = pick.id
    RETURNING jobs.id, process_number, refresh, request_id, listing_failures, now() - created_at AS age,
        started_at = now() AS is_first, lane, pick.user_id
), cost AS (
    SELECT greatest(1, count(*)) AS documents, CAST(greatest(1, least(count(*), :job_concurrency)) AS integer) AS slots
    FROM (
        SELECT 1 FROM documents WHERE job_id = (SELECT id FROM took) AND status IN ('pending', 'processing')
        LIMIT {COST_MAX}) AS outstanding
), paid AS (
    UPDATE turns SET virtual_time = virtual_time + cost.documents, served_at = now()
    FROM took, cost WHERE turns.user_id = took.user_id
), told AS (
    UPDATE portal_shares SET users[{_PLACE}] = took.user_id, in_use[{_PLACE}] = coalesce(in_use[{_PLACE}], 0),
        wanted[{_PLACE}] = coalesce(wanted[{_PLACE}], 0) + cost.slots,
        singles[{_PLACE}] = coalesce(singles[{_PLACE}], 0) + CASE took.lane WHEN 0 THEN cost.slots ELSE 0 END
    FROM took, cost WHERE worker_id = :worker_id AND users IS NOT NULL
)
SELECT took.id, took.process_number, took.refresh, took.request_id, took.listing_failures, took.age, took.is_first,
    took.lane, turn.user_id, cost.documents FROM turn LEFT JOIN took ON true CROSS JOIN cost
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
    """Lease the job whose turn it is. None: there is none, or its user has to wait for a slot."""
    lease, passed_over = uuid4(), list(claimer.passed_over)
    values = msgspec.structs.asdict(claimer) | {
        "lease": lease,
        "term": JOB_LEASE,
        "share_lease": SLOT_LEASE,
        "patience": SINGLE_JOB_INTERVAL,
        "passed_over": passed_over,
    }
    for _ in range(LOCKED_MAX):
        row = await connection.fetch_one(_CLAIM, values)
        if row is None or row["id"] is not None:
            return None if row is None else claimed_job(row, lease)
        # A request that joins or cancels this user's jobs has locked them. Other users must not wait for it.
        passed_over.append(row["user_id"])
    return None


async def tidy(connection: Connection) -> None:
    """Remove users without waiting jobs from the order, unless their virtual time is ahead.

    Also restores users who were removed by mistake, because a job of theirs was added at the same time.
    """
    await connection.execute(_TIDY)
