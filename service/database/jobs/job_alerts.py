"""What operators are alerted about: deliveries that failed for good, jobs most of whose documents failed, endpoints
that were switched off, and watched cases whose checks fail for days.

Each alert target has its own position in the order of these failures, which advances only if it accepts a message.
So a target that is down for an hour misses nothing, and does not delay the others.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import msgspec

from service.database.connection import Connection, as_optional, as_struct
from service.database.horizon import horizon

ALERT_BATCH = 1000  # failures of one message
_COUNTED_AT_MOST = 10_000


class Topic(StrEnum):
    """What a message is about."""

    DELIVERIES = "deliveries"
    JOBS = "jobs"
    ENDPOINTS = "endpoints"
    MONITORS = "monitors"


class Exhausted(msgspec.Struct, frozen=True):
    """A delivery that failed for good, without its URL, which may contain a secret."""

    id: UUID
    completed_at: datetime
    host: str
    last_error: str | None


class MostlyFailed(msgspec.Struct, frozen=True):
    """A job more than half of whose documents failed."""

    id: UUID
    completed_at: datetime
    failed: int
    documents: int  #: of the job, not of the case


class SwitchedOff(msgspec.Struct, frozen=True):
    """A webhook endpoint that failed for days, without its URL, which may contain a secret."""

    id: UUID
    completed_at: datetime
    host: str


class Unchecked(msgspec.Struct, frozen=True):
    """A watched case whose checks have failed for days."""

    id: UUID
    completed_at: datetime
    code: str
    failures: int


Failure = Exhausted | MostlyFailed | SwitchedOff | Unchecked

#: `alerted_at` was set by an earlier version, and is set if a delivery ends with its user: no alert is sent for these.
_QUERIES = {
    Topic.DELIVERIES: (
        "SELECT id, completed_at, host, last_error FROM deliveries WHERE status = 'failed' AND alerted_at IS NULL"
    ),
    Topic.JOBS: (
        "SELECT id, completed_at, failed_documents AS failed, total_documents AS documents FROM jobs"
        " WHERE failed_documents * 2 > total_documents AND alerted_at IS NULL"
    ),
    # Also those that are switched on again: each time is told.
    Topic.ENDPOINTS: (
        "SELECT id, completed_at, host FROM (SELECT id, given_up_at AS completed_at, host FROM webhook_endpoints"
        " WHERE given_up_at IS NOT NULL) AS endpoints WHERE true"
    ),
    # Only those that still fail: a check that succeeds ends it.
    Topic.MONITORS: (
        "SELECT id, completed_at, code, failures FROM (SELECT id, failing_at AS completed_at, last_error_code AS code,"
        " consecutive_failures AS failures FROM watches WHERE failing_at IS NOT NULL) AS watches WHERE true"
    ),
}
_KINDS: dict[Topic, type[Failure]] = {
    Topic.DELIVERIES: Exhausted,
    Topic.JOBS: MostlyFailed,
    Topic.ENDPOINTS: SwitchedOff,
    Topic.MONITORS: Unchecked,
}


class Telling(msgspec.Struct, frozen=True):
    """Failures that this worker must send to a target."""

    target: str
    topic: Topic
    lease: UUID
    failures: list[Failure]  #: in the order in which they failed; at least one
    expired: int  #: failures that became too old to be sent; 10,000 means that many or more


class _Place(msgspec.Struct):
    told_at: datetime
    told_id: UUID
    oldest: datetime
    is_free: bool

    @property
    def start(self) -> tuple[datetime, UUID]:
        """The position after which failures are still sent."""
        return max((self.told_at, self.told_id), (self.oldest, UUID(int=0)))


_PLACE = (
    "coalesce(max(told_at), now() - CAST(:within AS interval)) AS told_at,"
    " coalesce((array_agg(told_id))[1], '00000000-0000-0000-0000-000000000000') AS told_id,"
    " now() - CAST(:within AS interval) AS oldest, coalesce(bool_and(free_at <= clock_timestamp()), true) AS is_free"
    " FROM alert_targets WHERE target = :target AND topic = :topic"
)


async def take(
    connection: Connection, target: str, topic: Topic, *, within: timedelta, term: timedelta
) -> Telling | None:
    """Lease for `term` the oldest failures that were not sent to a target. Needs a transaction.

    No other worker gets them meanwhile. Failures older than `within` are not sent. None: there are none, or another
    worker has the lease, or the target is paused by `note_told` or `put_off`.
    """
    seen = await _place(connection, target, topic, within)
    if not seen.is_free or not await read(connection, topic, seen.start, limit=1):
        return None
    lease = uuid4()
    if not await _lease(connection, target, topic, seen, lease=lease, term=term):
        return None
    # Another worker may have sent them since.
    place = await _place(connection, target, topic, within)
    failures = await read(connection, topic, place.start, before=await horizon(connection), limit=ALERT_BATCH)
    if not failures:
        await put_off(connection, Telling(target, topic, lease, [], 0), timedelta(0))
        return None
    return Telling(target, topic, lease, failures, await _count_expired(connection, topic, place))


async def _place(connection: Connection, target: str, topic: Topic, within: timedelta) -> _Place:
    row = await connection.fetch_one(f"SELECT {_PLACE}", {"target": target, "topic": topic, "within": within})
    found = as_optional(row, _Place)
    if found is None:
        raise LookupError("an aggregate without groups has a row")
    return found


async def _lease(
    connection: Connection, target: str, topic: Topic, seen: _Place, *, lease: UUID, term: timedelta
) -> bool:
    row = await connection.fetch_one(
        "INSERT INTO alert_targets (target, topic, told_at, told_id, lease_token, free_at)"
        " VALUES (:target, :topic, :told_at, :told_id, :lease, clock_timestamp() + CAST(:term AS interval))"
        " ON CONFLICT (target, topic) DO UPDATE SET lease_token = excluded.lease_token, free_at = excluded.free_at"
        " WHERE alert_targets.free_at <= clock_timestamp() RETURNING 1",
        {
            "target": target,
            "topic": topic,
            "told_at": seen.told_at,
            "told_id": seen.told_id,
            "lease": lease,
            "term": term,
        },
    )
    return row is not None


async def read(
    connection: Connection, topic: Topic, start: tuple[datetime, UUID], *, before: datetime | None = None, limit: int
) -> list[Failure]:
    """Return failures after a position, in the order in which they failed."""
    query, kind = _QUERIES[topic], _KINDS[topic]
    values: dict[str, Any] = {"moment": start[0], "id": start[1], "limit": limit, "before": before}
    rows = await connection.fetch_all(
        f"{query} AND (completed_at, id) > (:moment, :id)"
        " AND completed_at < coalesce(CAST(:before AS timestamptz), 'infinity')"
        " ORDER BY completed_at, id LIMIT :limit",
        values,
    )
    return [as_struct(row, kind) for row in rows]


async def _count_expired(connection: Connection, topic: Topic, place: _Place) -> int:
    count: int = await connection.fetch_val(
        f"SELECT count(*) FROM ({_QUERIES[topic]} AND (completed_at, id) > (:moment, :id) AND completed_at <= :oldest"
        " LIMIT :limit) AS expired",
        {"moment": place.told_at, "id": place.told_id, "oldest": place.oldest, "limit": _COUNTED_AT_MOST},
    )
    return count


async def note_told(connection: Connection, telling: Telling, *, quiet: timedelta) -> None:
    """Note that the target accepted the message, and pause it for `quiet`."""
    last = telling.failures[-1]
    await connection.execute(
        "UPDATE alert_targets SET told_at = :told_at, told_id = :told_id, lease_token = NULL,"
        " free_at = clock_timestamp() + CAST(:quiet AS interval)"
        " WHERE target = :target AND topic = :topic AND lease_token = :lease",
        {
            "told_at": last.completed_at,
            "told_id": last.id,
            "quiet": quiet,
            "target": telling.target,
            "topic": telling.topic,
            "lease": telling.lease,
        },
    )


async def put_off(connection: Connection, telling: Telling, delay: timedelta) -> None:
    """Release the lease. The same failures can be taken again after `delay`."""
    await connection.execute(
        "UPDATE alert_targets SET lease_token = NULL, free_at = clock_timestamp() + CAST(:delay AS interval)"
        " WHERE target = :target AND topic = :topic AND lease_token = :lease",
        {"delay": delay, "target": telling.target, "topic": telling.topic, "lease": telling.lease},
    )
