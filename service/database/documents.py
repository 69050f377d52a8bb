"""The documents of a process."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_json, as_struct
from service.domain.documents import Document, StoredFile, Task
from service.domain.errors import SENTENCES, ErrorCode
from service.domain.listings import Copy, ListedDocument
from service.domain.process_number import ProcessNumber

_COLUMNS = (
    "id, uuid, instance, sequence, name, type, secrecy, filed_at, page_count, declared_size, declared_mime_type,"
    " status, storage_key, size, sha256, mime_type, size_mismatch, attempts, error_code, error_message,"
    " started_at, completed_at"
)

# The content is new when none of the known uuids is listed first any more, or when another size is promised
# than the one that was promised before and than the one that came.
_CHANGED = """(documents.storage_key IS NOT NULL AND (
    NOT documents.copies @> jsonb_build_array(jsonb_build_object('uuid', excluded.uuid))
    OR (excluded.declared_size IS DISTINCT FROM documents.declared_size
        AND excluded.declared_size <> documents.size)))"""

_REGISTER = f"""
INSERT INTO documents (
    id, process_number, instance, origin_id, uuid, position, sequence, name, type, secrecy, filed_at, page_count,
    declared_size, declared_mime_type, copies, status)
SELECT id, :number, instance, origin_id, uuid, position, sequence, name, type, secrecy, filed_at, page_count,
    declared_size, declared_mime_type, copies, 'pending'
FROM jsonb_to_recordset(CAST(:documents AS jsonb)) AS listed (
    id uuid, instance text, origin_id text, uuid text, position integer, sequence bigint, name text, type text,
    secrecy text, filed_at timestamptz, page_count integer, declared_size bigint, declared_mime_type text,
    copies jsonb)
ON CONFLICT (id) DO UPDATE SET
    uuid = excluded.uuid, position = excluded.position, sequence = excluded.sequence, name = excluded.name,
    type = excluded.type, secrecy = excluded.secrecy, filed_at = excluded.filed_at,
    page_count = excluded.page_count, declared_mime_type = excluded.declared_mime_type,
    declared_size = coalesce(excluded.declared_size, documents.declared_size), copies = excluded.copies,
    revision = documents.revision + CASE WHEN {_CHANGED} THEN 1 ELSE 0 END,
    job_id = CASE WHEN {_CHANGED} THEN NULL ELSE documents.job_id END,
    status = CASE WHEN {_CHANGED} AND documents.status = 'available' THEN 'pending' ELSE documents.status END
"""


async def register(connection: Connection, number: ProcessNumber, listed: tuple[ListedDocument, ...]) -> None:
    """Add the documents that are new and update the others; the ones no longer listed stay as they are.

    An available document whose content changed becomes pending again and keeps its file meanwhile.
    """
    rows = [_as_row(number, position, document) for position, document in enumerate(listed)]
    await connection.execute(_REGISTER, {"number": number.digits, "documents": as_json(rows)})


async def drop_unlisted(connection: Connection, number: ProcessNumber, listed: tuple[ListedDocument, ...]) -> None:
    """Forget what the portal lists no longer and no file was ever had of; what was downloaded stays as it is.

    There is nothing to ask the portal for, so nothing of it may fail a later job. What a job is at work on is left to
    it. A listing without any document drops nothing: the portal is known to answer that by mistake.
    """
    if not listed:
        return
    values = {"number": number.digits, "ids": [document.id_in(number) for document in listed]}
    unlisted = (
        "documents.process_number = :number AND NOT documents.id = ANY(:ids) AND NOT EXISTS (SELECT 1 FROM jobs"
        " WHERE jobs.id = documents.job_id AND jobs.status IN ('pending', 'processing'))"
    )
    await connection.execute(f"DELETE FROM documents WHERE storage_key IS NULL AND {unlisted}", values)
    await connection.execute(
        "UPDATE documents SET error_code = NULL, error_message = NULL"
        f" WHERE status = 'available' AND error_code IS NOT NULL AND {unlisted}",
        values,
    )


def _as_row(number: ProcessNumber, position: int, document: ListedDocument) -> dict[str, Any]:
    return msgspec.structs.asdict(document) | {
        "id": document.id_in(number),
        "uuid": document.copies[0].uuid,
        "position": position,
    }


async def of_process(connection: Connection, number: ProcessNumber) -> list[Document]:
    """All of them, in the order of the file."""
    rows = await connection.fetch_all(
        f"SELECT {_COLUMNS} FROM documents WHERE process_number = :number ORDER BY position, id",
        {"number": number.digits},
    )
    return [as_struct(row, Document) for row in rows]


async def find(connection: Connection, number: ProcessNumber, document_id: UUID) -> Document | None:
    """One document of a process."""
    row = await connection.fetch_one(
        f"SELECT {_COLUMNS} FROM documents WHERE id = :id AND process_number = :number",
        {"id": document_id, "number": number.digits},
    )
    return None if row is None else as_struct(row, Document)


async def versions(connection: Connection, numbers: Collection[ProcessNumber]) -> dict[ProcessNumber, dict[UUID, int]]:
    """The documents of processes, in the order of each file, with a number that is another one after each write.

    The number is PostgreSQL's own: the transaction that wrote the row.
    """
    rows = await connection.fetch_all(
        "SELECT process_number, array_agg(id ORDER BY position, id) AS ids,"
        " array_agg(xmin ORDER BY position, id) AS versions"
        " FROM documents WHERE process_number = ANY(:numbers) GROUP BY process_number",
        {"numbers": [number.digits for number in numbers]},
    )
    return {ProcessNumber(row["process_number"]): dict(zip(row["ids"], row["versions"], strict=True)) for row in rows}


async def by_id(connection: Connection, ids: list[UUID]) -> dict[UUID, Document]:
    """Documents of any processes."""
    rows = await connection.fetch_all(f"SELECT {_COLUMNS} FROM documents WHERE id = ANY(:ids)", {"ids": ids})
    return {row["id"]: as_struct(row, Document) for row in rows}


async def lacking(connection: Connection, number: ProcessNumber, *, include_hopeless: bool) -> list[UUID]:
    """What the process has no current file of; `include_hopeless` counts those that have no address."""
    rows = await connection.fetch_all(
        "SELECT id FROM documents WHERE process_number = :number AND (status <> 'available' OR error_code IS NOT NULL)"
        " AND (:include_hopeless OR error_code IS DISTINCT FROM :hopeless)",
        {
            "number": number.digits,
            "include_hopeless": include_hopeless,
            "hopeless": ErrorCode.NOTHING_TO_DOWNLOAD,
        },
    )
    return [row["id"] for row in rows]


async def ids_of_process(connection: Connection, number: ProcessNumber) -> list[UUID]:
    """All of them."""
    rows = await connection.fetch_all(
        "SELECT id FROM documents WHERE process_number = :number", {"number": number.digits}
    )
    return [row["id"] for row in rows]


#: Where the first of some documents stands that is still there; before all of them where none is.
_PLACE = """(SELECT position, id FROM (
    SELECT documents.position, documents.id, known.age
    FROM unnest(CAST(:after AS uuid[])) WITH ORDINALITY AS known (id, age) JOIN documents USING (id)
    WHERE process_number = :number
    UNION ALL SELECT -1, CAST('00000000-0000-0000-0000-000000000000' AS uuid), NULL
) AS places ORDER BY age LIMIT 1)"""


async def page(connection: Connection, number: ProcessNumber, *, after: Sequence[UUID], limit: int) -> list[Document]:
    """Some of them, in the order of the file, from behind the first of `after` on that is still there.

    The place is that of the document, wherever it stands by now: what arrives meanwhile moves no page, and what is
    dropped meanwhile hides none of the others.
    """
    rows = await connection.fetch_all(
        f"SELECT {_COLUMNS} FROM documents WHERE process_number = :number AND (position, id) > {_PLACE}"
        " ORDER BY position, id LIMIT :limit",
        {"number": number.digits, "after": list(after), "limit": limit},
    )
    return [as_struct(row, Document) for row in rows]


async def assign(connection: Connection, ids: list[UUID], job_id: UUID, *, waiting: bool) -> None:
    """Give documents to a job. `waiting` sets them to pending, else to processing."""
    await connection.execute(
        "UPDATE documents SET job_id = :job_id, status = :status, attempts = 0, error_code = NULL,"
        " error_message = NULL, started_at = NULL, completed_at = NULL WHERE id = ANY(:ids)",
        {"job_id": job_id, "status": "pending" if waiting else "processing", "ids": ids},
    )


async def join_job(connection: Connection, number: ProcessNumber, job_id: UUID) -> None:
    """Give an active job what a listing added or changed meanwhile, and what earlier jobs did not get."""
    await connection.execute(
        "UPDATE documents SET job_id = :job_id, status = 'pending', attempts = 0, error_code = NULL,"
        " error_message = NULL, started_at = NULL, completed_at = NULL"
        " WHERE process_number = :number AND job_id IS DISTINCT FROM :job_id"
        " AND (status <> 'available' OR error_code IS NOT NULL)",
        {"job_id": job_id, "number": number.digits},
    )


async def leave_job(connection: Connection, job_id: UUID) -> None:
    """Put back what a job that ends has not downloaded."""
    await connection.execute(
        "UPDATE documents SET status = 'pending' WHERE job_id = :job_id AND status = 'processing'",
        {"job_id": job_id},
    )


async def tasks_of_job(connection: Connection, job_id: UUID) -> list[Task]:
    """What the job has still to download, in the order of the file."""
    rows = await connection.fetch_all(
        "SELECT id, name, declared_size, declared_mime_type, copies FROM documents"
        " WHERE job_id = :job_id AND status IN ('pending', 'processing') ORDER BY position, id",
        {"job_id": job_id},
    )
    decoder = msgspec.json.Decoder(tuple[Copy, ...])
    return [Task(**dict(row) | {"copies": decoder.decode(row["copies"])}) for row in rows]


_LEASED = "FROM jobs WHERE documents.id = {} AND jobs.id = documents.job_id AND jobs.lease_token = :lease"
_START = f"UPDATE documents SET status = 'processing', started_at = now() {_LEASED}"
#: Ends one document and begins the next: beside two statements, half of PostgreSQL's work and of the waiting.
_END = f"WITH following AS ({_START.format(':following')}) UPDATE documents SET"
_ENDED = f"completed_at = now() {_LEASED.format(':id')} RETURNING documents.id"


async def start(connection: Connection, document_id: UUID, lease: UUID) -> bool:
    """Mark a document as being downloaded. False: the lease is lost, stop."""
    row = await connection.fetch_one(
        f"{_START.format(':id')} RETURNING documents.id", {"id": document_id, "lease": lease}
    )
    return row is not None


async def mark_available(
    connection: Connection,
    document_id: UUID,
    lease: UUID,
    file: StoredFile,
    *,
    attempts: int,
    following: UUID | None = None,
) -> bool:
    """Record the verified file, and `start` another document. False: the lease is lost, and nothing was written."""
    row = await connection.fetch_one(
        f"{_END} status = 'available', storage_key = :key, size = :size, sha256 = :sha256,"
        " mime_type = :mime_type, size_mismatch = :size_mismatch, attempts = :attempts, error_code = NULL,"
        f" error_message = NULL, {_ENDED}",
        {
            "id": document_id,
            "lease": lease,
            "attempts": attempts,
            "following": following,
            **msgspec.structs.asdict(file),
        },
    )
    return row is not None


async def mark_failed(
    connection: Connection,
    document_id: UUID,
    lease: UUID,
    code: ErrorCode,
    *,
    attempts: int,
    following: UUID | None = None,
) -> bool:
    """Give a document up, and `start` another; an older file of it stays available. False: the lease is lost."""
    row = await connection.fetch_one(
        f"{_END} status = CASE WHEN storage_key IS NULL THEN 'failed' ELSE 'available' END,"
        f" attempts = :attempts, error_code = :code, error_message = :message, {_ENDED}",
        {
            "id": document_id,
            "lease": lease,
            "attempts": attempts,
            "following": following,
            "code": code,
            "message": SENTENCES[code],
        },
    )
    return row is not None
