"""Cases whose objects in the bucket must be compared with the rows: objects that no row names are deleted later."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct
from service.domain.process_number import ProcessNumber

#: How long an object is kept after it was written or replaced. A link is valid for 7 days at most, and may have been
#: signed just before its object was replaced.
UNNAMED_OBJECT_AGE = timedelta(days=8)
TIDYING_LEASE = timedelta(hours=1)  # after this another worker takes a case, if the first one crashed


class UntidyCase(msgspec.Struct, frozen=True):
    """A case that a worker wrote objects for."""

    number: ProcessNumber
    marks: int


class WrittenObject(msgspec.Struct, frozen=True):
    """An object whose key names its document and the job that wrote it."""

    key: str
    document_id: UUID
    job_mark: str  #: the first 8 characters of the job's id
    written_at: datetime  #: by the clock of the object store


class UnnamedObject(msgspec.Struct, frozen=True):
    """An object that jobs of this database wrote, and that no document names."""

    key: str
    is_removable: bool  #: no valid link and no event names it


async def mark(connection: Connection, number: ProcessNumber) -> None:
    """Schedule a check of the case's objects after `UNNAMED_OBJECT_AGE`. Must be called before an object is written."""
    await connection.execute(
        "INSERT INTO untidy_cases (process_number, tidy_at) VALUES (:number, now() + :kept)"
        " ON CONFLICT (process_number) DO UPDATE SET marks = untidy_cases.marks + 1",
        {"number": number.digits, "kept": UNNAMED_OBJECT_AGE},
    )


async def take(connection: Connection, *, limit: int) -> list[UntidyCase]:
    """Lease cases that are due: no other worker gets them for `TIDYING_LEASE`. Any number of workers may call it."""
    rows = await connection.fetch_all(
        "UPDATE untidy_cases SET tidy_at = now() + :lease WHERE process_number IN (SELECT process_number"
        " FROM untidy_cases WHERE tidy_at <= now() ORDER BY tidy_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
        " RETURNING process_number, marks",
        {"lease": TIDYING_LEASE, "limit": limit},
    )
    return [UntidyCase(ProcessNumber(row["process_number"]), row["marks"]) for row in rows]


async def unnamed(
    connection: Connection, number: ProcessNumber, objects: Sequence[WrittenObject], *, kept: timedelta
) -> list[UnnamedObject]:
    """Return the objects that jobs of this database wrote for a case and that no document of the case names.

    An object is removable if it was written, and replaced by another one, longer than `kept` ago, no event names it,
    and the case has no active job: such a job may be about to name it.
    """
    rows = await connection.fetch_all(
        "WITH written AS (SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:documents AS uuid[]),"
        " CAST(:jobs AS text[]), CAST(:times AS timestamptz[])) AS one (key, document_id, job_mark, written_at))"
        " SELECT key, written_at < now() - CAST(:kept AS interval)"
        " AND NOT EXISTS (SELECT 1 FROM jobs WHERE process_number = :number AND status IN ('pending', 'processing'))"
        " AND NOT EXISTS (SELECT 1 FROM documents WHERE id = document_id AND storage_key IS NOT NULL"
        " AND coalesce(completed_at > now() - CAST(:kept AS interval), true))"
        " AND key NOT IN (SELECT each ->> 'storage_key' FROM events, jsonb_array_elements(body -> 'documents') AS each"
        " WHERE process_number = :number AND each ->> 'storage_key' IS NOT NULL) AS is_removable"
        " FROM written WHERE job_mark IN (SELECT left(CAST(id AS text), 8) FROM jobs WHERE process_number = :number)"
        " AND key NOT IN (SELECT storage_key FROM documents WHERE process_number = :number"
        " AND storage_key IS NOT NULL)",
        {
            "number": number.digits,
            "kept": kept,
            "keys": [each.key for each in objects],
            "documents": [each.document_id for each in objects],
            "jobs": [each.job_mark for each in objects],
            "times": [each.written_at for each in objects],
        },
    )
    return [as_struct(row, UnnamedObject) for row in rows]


async def tidied(connection: Connection, case: UntidyCase) -> None:
    """Delete the entry of a case, unless the case has an active job or was marked again since it was taken."""
    await connection.execute(
        "DELETE FROM untidy_cases WHERE process_number = :number AND marks = :marks AND NOT EXISTS (SELECT 1"
        " FROM jobs WHERE process_number = :number AND status IN ('pending', 'processing'))",
        {"number": case.number.digits, "marks": case.marks},
    )


async def put_off(connection: Connection, case: UntidyCase, delay: timedelta) -> None:
    """Make a case due again after `delay`."""
    await connection.execute(
        "UPDATE untidy_cases SET tidy_at = now() + :delay WHERE process_number = :number",
        {"number": case.number.digits, "delay": delay},
    )


async def in_work(connection: Connection, numbers: Sequence[ProcessNumber]) -> set[ProcessNumber]:
    """Return those cases of `numbers` that have an active job."""
    rows = await connection.fetch_all(
        "SELECT process_number FROM jobs WHERE process_number = ANY(:numbers) AND status IN ('pending', 'processing')",
        {"numbers": [number.digits for number in numbers]},
    )
    return {ProcessNumber(row["process_number"]) for row in rows}
