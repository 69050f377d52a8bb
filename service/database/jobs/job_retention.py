"""Deletes old jobs that nothing needs. A job stays while it is the last one of its case, while a document, event or
delivery names it, and while its case is in `untidy_cases`: the check of its objects needs the ids of its jobs.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct

JOB_RETENTION_BATCH = 500  # jobs that one transaction looks at

_UNNEEDED = (
    "completed_at < now() - CAST(:age AS interval)"
    " AND EXISTS (SELECT 1 FROM jobs AS newer WHERE newer.process_number = jobs.process_number"
    " AND newer.created_at > jobs.created_at)"
    " AND NOT EXISTS (SELECT 1 FROM documents WHERE documents.job_id = jobs.id)"
    " AND NOT EXISTS (SELECT 1 FROM events WHERE events.job_id = jobs.id)"
    " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.job_id = jobs.id)"
    " AND NOT EXISTS (SELECT 1 FROM untidy_cases WHERE untidy_cases.process_number = jobs.process_number)"
)


class Walked(msgspec.Struct, frozen=True):
    """What a batch did."""

    removed: int
    is_last: bool  #: the walk is complete and begins again with the oldest job, or another worker has it


class _Place(msgspec.Struct, frozen=True):
    created_at: datetime
    id: UUID


async def remove_jobs(connection: Connection, *, older_than: timedelta) -> Walked:
    """Visit the next old jobs; delete those that ended longer than `older_than` ago and that nothing needs.

    Needs a transaction. Most jobs stay, so a walk over all of them takes many calls: its position is in the database.
    """
    row = await connection.fetch_one("SELECT passed_at, passed_id FROM job_retention FOR UPDATE SKIP LOCKED")
    if row is None:
        return Walked(0, is_last=True)
    visited = await _next(connection, _Place(row["passed_at"], row["passed_id"]), older_than)
    removed = await remove_unneeded(connection, [each.id for each in visited], older_than)
    is_last = len(visited) < JOB_RETENTION_BATCH
    await _pass(connection, None if is_last else visited[-1])
    return Walked(removed, is_last=is_last)


async def _next(connection: Connection, after: _Place, older_than: timedelta) -> list[_Place]:
    rows = await connection.fetch_all(
        "SELECT created_at, id FROM jobs WHERE created_at < now() - CAST(:age AS interval)"
        f" AND (created_at, id) > (:at, :id) ORDER BY created_at, id LIMIT {JOB_RETENTION_BATCH}",
        {"age": older_than, "at": after.created_at, "id": after.id},
    )
    return [as_struct(row, _Place) for row in rows]


async def remove_unneeded(connection: Connection, ids: list[UUID], older_than: timedelta) -> int:
    """Delete the jobs of `ids` that nothing needs. Returns how many."""
    # Locked first: a transaction that adds a reference to a job holds it. The next statement sees what is committed.
    locked = await connection.fetch_all(
        f"SELECT id FROM jobs WHERE id = ANY(:ids) AND {_UNNEEDED} ORDER BY id FOR UPDATE SKIP LOCKED",
        {"ids": ids, "age": older_than},
    )
    removed = await connection.fetch_all(
        f"DELETE FROM jobs WHERE id = ANY(:ids) AND {_UNNEEDED} RETURNING 1",
        {"ids": [row["id"] for row in locked], "age": older_than},
    )
    return len(removed)


async def _pass(connection: Connection, last: _Place | None) -> None:
    if last is None:
        await connection.execute("UPDATE job_retention SET passed_at = DEFAULT, passed_id = DEFAULT")
        return
    await connection.execute(
        "UPDATE job_retention SET passed_at = :at, passed_id = :id", {"at": last.created_at, "id": last.id}
    )
