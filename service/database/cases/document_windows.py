"""The documents of a case in pages that people turn by their numbers."""

from datetime import datetime
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct
from service.database.document_counts import COUNTS, CURRENT, SETTLED
from service.domain.events import Counts
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DocumentStatus


class DocumentLine(msgspec.Struct, frozen=True, gc=False):
    """A document as one line of a page shows it."""

    id: UUID
    name: str
    type: str
    instance: str
    sequence: int | None
    secrecy: str
    filed_at: datetime | None
    page_count: int | None
    status: DocumentStatus
    size: int | None  #: bytes of the stored file; as the portal lists it until there is one
    mime_type: str | None
    is_stored: bool
    attempts: int
    error_code: str | None  #: also if an older file is stored: its newer version failed
    completed_at: datetime | None


_LINE = (
    "SELECT id, name, type, instance, sequence, secrecy, filed_at, page_count, status, coalesce(size, declared_size)"
    " AS size, coalesce(mime_type, declared_mime_type) AS mime_type, storage_key IS NOT NULL AS is_stored, attempts,"
    " error_code, completed_at FROM documents"
)
FAILED = f"{SETTLED} AND NOT {CURRENT}"


async def window(
    connection: Connection, number: ProcessNumber, *, skipped: int, limit: int, only_failed: bool = False
) -> list[DocumentLine]:
    """Return a page in the order of the case file."""
    rows = await connection.fetch_all(
        f"{_LINE} WHERE process_number = :number{f' AND {FAILED}' if only_failed else ''}"
        " ORDER BY position, id LIMIT :limit OFFSET :skipped",
        {"number": number.digits, "skipped": skipped, "limit": limit},
    )
    return [as_struct(row, DocumentLine) for row in rows]


class Tally(msgspec.Struct, frozen=True):
    """The counts of a case's documents, and how many failed for which reason."""

    counts: Counts
    failures: dict[str, int]  #: by error code, the most frequent first


async def tally(connection: Connection, number: ProcessNumber) -> Tally:
    """Count the documents of a case."""
    counted = COUNTS.replace("SELECT ", "SELECT coalesce(error_code, '') AS code, ", 1)
    rows = await connection.fetch_all(
        f"{counted} WHERE process_number = :number GROUP BY code ORDER BY count(*) DESC, code",
        {"number": number.digits},
    )
    sums = (sum(row[name] for row in rows) for name in ("total", "completed", "failed"))
    return Tally(Counts(*sums), {row["code"]: row["failed"] for row in rows if row["failed"]})
