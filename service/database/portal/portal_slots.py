"""Slots for requests to the portal, shared by all workers: one row per slot, leased by one worker.

Every statement commits by itself, so a frozen process holds no lock.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct

SLOT_LEASE = timedelta(seconds=10)  # of a slot, and of a worker's report in `portal_shares`


class WorkerShare(msgspec.Struct, frozen=True):
    """What one worker needs and has, as it reported last."""

    worker_id: UUID
    granted: int  #: slots
    users: list[UUID] | None  #: None for a worker of the previous version
    wanted: list[int] | None  #: requests that are open or waiting, per user
    singles: list[int] | None  #: those of them that are in no batch; None for a worker of the previous version
    in_use: list[int] | None  #: requests that are open, per user

    def wanted_by_user(self) -> dict[UUID, int]:
        """Return the requests that are open or waiting."""
        return _by_user(self.users, self.wanted)

    def singles_by_user(self) -> dict[UUID, int]:
        """Return the requests that are open or waiting for jobs that are in no batch."""
        return _by_user(self.users, self.singles) if self.singles is not None else {}

    def in_use_by_user(self) -> dict[UUID, int]:
        """Return the requests that are open."""
        return _by_user(self.users, self.in_use)


def _by_user(users: Sequence[UUID] | None, counts: Sequence[int] | None) -> dict[UUID, int]:
    found: dict[UUID, int] = {}
    # In the previous version a claim appends an entry, even for a user who already has one.
    for user_id, count in zip(users or (), counts or (), strict=True):
        found[user_id] = found.get(user_id, 0) + count
    return found


class Renewed(msgspec.Struct, frozen=True):
    """The slots that the worker still has, and a number that changes every 2 s for all workers at the same time."""

    kept: list[int]
    rotation: int
    has_life_lock: bool = False  #: PostgreSQL knows that the worker lives, and would notice its death


async def add_slots(connection: Connection, total: int) -> None:
    """Make sure that there are rows for `total` slots."""
    await connection.execute(
        "INSERT INTO portal_slots (number) SELECT generate_series(1, CAST(:total AS integer)) ON CONFLICT DO NOTHING",
        {"total": total},
    )


async def renew(
    connection: Connection,
    worker_id: UUID,
    keep: Sequence[int],
    *,
    wanted: Mapping[UUID, int],
    singles: Mapping[UUID, int],
    in_use: Mapping[UUID, int],
    life_lock: int | None = None,
) -> Renewed:
    """Renew the leases of the slots in `keep`, release this worker's other slots, and report what its users need.

    Records `life_lock`, the key of a lock of another session, only if that session still holds it.
    """
    row = await connection.fetch_one(
        "WITH share AS (INSERT INTO portal_shares (worker_id, granted, users, wanted, singles, in_use, life_lock)"
        " VALUES (:id, cardinality(CAST(:keep AS integer[])), :users, :wanted, :singles, :in_use,"
        " CASE WHEN pg_try_advisory_xact_lock_shared(:life_lock) THEN NULL ELSE CAST(:life_lock AS bigint) END)"
        " ON CONFLICT (worker_id) DO UPDATE SET granted = excluded.granted, users = excluded.users,"
        " wanted = excluded.wanted, singles = excluded.singles, in_use = excluded.in_use, seen_at = now(),"
        " life_lock = excluded.life_lock RETURNING life_lock),"
        " given AS (UPDATE portal_slots SET worker_id = NULL, expires_at = NULL"
        " WHERE worker_id = :id AND number <> ALL(CAST(:keep AS integer[]))),"
        " kept AS (UPDATE portal_slots SET expires_at = now() + :lease"
        " WHERE worker_id = :id AND number = ANY(CAST(:keep AS integer[])) RETURNING number)"
        " SELECT ARRAY(SELECT number FROM kept ORDER BY number) AS kept,"
        " (SELECT life_lock IS NOT NULL FROM share) AS has_life_lock,"
        " CAST(extract(epoch FROM now()) AS bigint) / 2 AS rotation",
        {
            "id": worker_id,
            "keep": list(keep),
            "users": list(wanted),
            "wanted": list(wanted.values()),
            "singles": [singles.get(user_id, 0) for user_id in wanted],
            "in_use": [in_use.get(user_id, 0) for user_id in wanted],
            "life_lock": life_lock,
            "lease": SLOT_LEASE,
        },
    )
    return as_struct(row, Renewed) if row is not None else Renewed([], 0)


async def shares(connection: Connection) -> list[WorkerShare]:
    """Return the last report of every live worker. Deletes reports older than `SLOT_LEASE`."""
    rows = await connection.fetch_all(
        "WITH gone AS (DELETE FROM portal_shares WHERE seen_at + :lease < now())"
        " SELECT worker_id, granted, users, wanted, singles, in_use FROM portal_shares WHERE seen_at + :lease >= now()",
        {"lease": SLOT_LEASE},
    )
    return [as_struct(row, WorkerShare) for row in rows]


async def take(connection: Connection, worker_id: UUID, *, count: int, total: int) -> list[int]:
    """Lease up to `count` free slots among the first `total`. Returns their numbers."""
    rows = await connection.fetch_all(
        "UPDATE portal_slots SET worker_id = :id, expires_at = now() + :lease"
        " WHERE number IN (SELECT number FROM portal_slots WHERE number <= :total AND worker_id IS DISTINCT FROM :id"
        " AND coalesce(expires_at < now(), true) ORDER BY number LIMIT :count FOR UPDATE SKIP LOCKED)"
        " RETURNING number",
        {"id": worker_id, "count": count, "total": total, "lease": SLOT_LEASE},
    )
    return [row["number"] for row in rows]


async def give_back(connection: Connection, worker_id: UUID) -> None:
    """Remove a worker that ends. Its slots are free at once."""
    await connection.execute(
        "WITH share AS (DELETE FROM portal_shares WHERE worker_id = :id)"
        " UPDATE portal_slots SET worker_id = NULL, expires_at = NULL WHERE worker_id = :id",
        {"id": worker_id},
    )


async def count_workers(connection: Connection) -> int:
    """Count the live workers."""
    count: int = await connection.fetch_val(
        "SELECT count(*) FROM portal_shares WHERE seen_at + :lease >= now()", {"lease": SLOT_LEASE}
    )
    return count
