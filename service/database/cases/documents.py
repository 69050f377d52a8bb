"""The documents of a process."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from service.database.connection import ROWS_PER_PART, Connection, as_struct, fetch_in_parts
from service.database.document_counts import KEEPS_FILE, LACKING
from service.domain.documents import ContentFlag, Document, StoredFile, Task, Written
from service.domain.errors import SENTENCES, ErrorCode
from service.domain.listings import Copy
from service.domain.process_number import ProcessNumber

_COLUMNS = (
    "id, uuid, instance, sequence, name, type, secrecy, filed_at, page_count, declared_size, declared_mime_type,"
    " status, storage_key, size, sha256, mime_type, size_mismatch, attempts, error_code, error_message,"
    " started_at, completed_at, crc32, charset,"
    # Rows of earlier versions have this one flag, in a column of its own.
    " CASE WHEN size_mismatch AND content_flags = '{}' THEN '{size_mismatch}' ELSE content_flags END AS content_flags"
)


def has_address(copies: str) -> str:
    """Return SQL that is true if one of the copies has an address at the portal."""
    return f"({copies} @? '$[*] ? (@.binary_href != null || @.text_href != null)')"


#: Another try is useless until a listing gives an address.
HOPELESS = (
    f"(documents.error_code IS NOT DISTINCT FROM '{ErrorCode.NOTHING_TO_DOWNLOAD}'"
    f" AND NOT {has_address('documents.copies')})"
)


async def lock_all(connection: Connection, number: ProcessNumber) -> None:
    """Lock all documents of a process, for a transaction that writes several of them in more than one statement.

    Every statement that locks several documents does so in the order of their ids, so that none deadlock.
    """
    await connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM documents WHERE process_number = :number ORDER BY id FOR UPDATE) AS rows",
        {"number": number.digits},
    )


async def of_process(connection: Connection, number: ProcessNumber) -> list[Document]:
    """Return all documents, in the order of the case file."""
    values = {"number": number.digits}
    query = f"SELECT {_COLUMNS} FROM documents WHERE process_number = :number ORDER BY position, id"
    rows = await connection.fetch_all(f"{query} LIMIT {ROWS_PER_PART}", values)
    if len(rows) < ROWS_PER_PART:
        return [as_struct(row, Document) for row in rows]
    return await fetch_in_parts(connection, query, values, lambda row: as_struct(row, Document))


async def find(connection: Connection, number: ProcessNumber, document_id: UUID) -> Document | None:
    """Return a document, if it belongs to the process."""
    row = await connection.fetch_one(
        f"SELECT {_COLUMNS} FROM documents WHERE id = :id AND process_number = :number",
        {"id": document_id, "number": number.digits},
    )
    return None if row is None else as_struct(row, Document)


async def versions(connection: Connection, numbers: Collection[ProcessNumber]) -> dict[ProcessNumber, dict[UUID, int]]:
    """Return the documents of each process, in the order of its case file, with a number that changes on every write.

    The number is `xmin`: the id of the transaction that wrote the row.
    """
    rows = await connection.fetch_all(
        "SELECT process_number, array_agg(id ORDER BY position, id) AS ids,"
        " array_agg(xmin ORDER BY position, id) AS versions"
        " FROM documents WHERE process_number = ANY(:numbers) GROUP BY process_number",
        {"numbers": [number.digits for number in numbers]},
    )
    return {ProcessNumber(row["process_number"]): dict(zip(row["ids"], row["versions"], strict=True)) for row in rows}


async def by_id(connection: Connection, ids: list[UUID]) -> dict[UUID, Document]:
    """Return documents of any processes. Unknown ids are left out."""
    query = f"SELECT {_COLUMNS} FROM documents WHERE id = ANY(:ids)"
    found = await fetch_in_parts(connection, query, {"ids": ids}, lambda row: as_struct(row, Document))
    return {document.id: document for document in found}


async def lacking(connection: Connection, number: ProcessNumber, *, include_hopeless: bool) -> list[UUID]:
    """Return the documents without a current file; `include_hopeless` adds those that have no address."""
    rows = await connection.fetch_all(
        f"SELECT id FROM documents WHERE process_number = :number AND {LACKING} AND (:all OR NOT {HOPELESS})",
        {"number": number.digits, "all": include_hopeless},
    )
    return [row["id"] for row in rows]


async def ids_of_process(connection: Connection, number: ProcessNumber) -> list[UUID]:
    rows = await connection.fetch_all(
        "SELECT id FROM documents WHERE process_number = :number", {"number": number.digits}
    )
    return [row["id"] for row in rows]


#: Position of the first document of `:after` that still exists; before all documents if none does.
_PLACE = """(SELECT position, id FROM (
    SELECT documents.position, documents.id, known.age
    FROM unnest(CAST(:after AS uuid[])) WITH ORDINALITY AS known (id, age) JOIN documents USING (id)
    WHERE process_number = :number
    UNION ALL SELECT -1, CAST('00000000-0000-0000-0000-000000000000' AS uuid), NULL
) AS places ORDER BY age LIMIT 1)"""


async def page(connection: Connection, number: ProcessNumber, *, after: Sequence[UUID], limit: int) -> list[Document]:
    """Return a page in the order of the case file, after the first document of `after` that still exists.

    Its current position is used, so documents that are added or deleted meanwhile do not shift the page.
    """
    rows = await connection.fetch_all(
        f"SELECT {_COLUMNS} FROM documents WHERE process_number = :number AND (position, id) > {_PLACE}"
        " ORDER BY position, id LIMIT :limit",
        {"number": number.digits, "after": list(after), "limit": limit},
    )
    return [as_struct(row, Document) for row in rows]


_GIVE = """
WITH wanted AS (SELECT id FROM documents WHERE process_number = :number AND {} ORDER BY id FOR UPDATE)
UPDATE documents SET job_id = :job_id, status = :status, attempts = 0, error_code = NULL, error_message = NULL,
    started_at = NULL, completed_at = CASE WHEN storage_key IS NULL THEN NULL ELSE completed_at END
FROM wanted WHERE documents.id = wanted.id RETURNING documents.id
"""
#: Documents that already wait in the job, or that it is downloading: a repeated request must not reset them.
_OWN = "(job_id IS NOT DISTINCT FROM :job_id AND status IN ('pending', 'processing'))"
#: From this age on, a job downloads no document twice: repeated requests must not keep it running for ever.
REPEATS_FOR = timedelta(hours=1)
_REPEATED = (
    "(job_id IS NOT DISTINCT FROM :job_id AND status IN ('available', 'failed')"
    " AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = :job_id AND jobs.created_at < now() - CAST(:repeats AS interval)))"
)


async def assign(
    connection: Connection, number: ProcessNumber, ids: list[UUID], job_id: UUID, *, waiting: bool
) -> None:
    """Give documents of a process to a job. `waiting` sets them to pending, else to processing."""
    await connection.execute(
        _GIVE.format(f"id = ANY(:ids) AND NOT {_OWN} AND NOT {_REPEATED}"),
        {
            "number": number.digits,
            "ids": ids,
            "job_id": job_id,
            "status": "pending" if waiting else "processing",
            "repeats": REPEATS_FOR,
        },
    )


async def join_job(
    connection: Connection, number: ProcessNumber, job_id: UUID, *, waiting: bool = True, include_hopeless: bool = False
) -> bool:
    """Give an active job the missing documents that are not in it yet. False: there are none."""
    rows = await connection.fetch_all(
        _GIVE.format(f"job_id IS DISTINCT FROM :job_id AND {LACKING} AND (:all OR NOT {HOPELESS})"),
        {
            "number": number.digits,
            "job_id": job_id,
            "status": "pending" if waiting else "processing",
            "all": include_hopeless,
        },
    )
    return bool(rows)


_LEFT_OVER = "SELECT id FROM documents WHERE job_id = :job_id AND status IN ('pending', 'processing') ORDER BY id"


async def lock_left_over(connection: Connection, job_id: UUID) -> bool:
    """Lock the documents that a job has not downloaded, so that no worker writes them. False: there are none."""
    return bool(await connection.fetch_all(f"{_LEFT_OVER} FOR UPDATE", {"job_id": job_id}))


async def leave_job(connection: Connection, job_id: UUID) -> None:
    """Remove the documents that an ending job has not downloaded. Those with a current file are available again.

    `job_id` becomes NULL, so that a statement of the job's worker that waits for these rows updates none of them.
    """
    # A trigger lets a document become available only from processing.
    await connection.execute(
        f"UPDATE documents SET status = 'processing' WHERE id IN ({_LEFT_OVER}) AND status = 'pending'"
        f" AND {KEEPS_FILE}",
        {"job_id": job_id},
    )
    await connection.execute(
        f"UPDATE documents SET job_id = NULL, started_at = NULL, status = CASE WHEN {KEEPS_FILE} THEN 'available'"
        f" ELSE 'pending' END WHERE id IN ({_LEFT_OVER})",
        {"job_id": job_id},
    )


async def tasks_of_job(connection: Connection, job_id: UUID) -> list[Task]:
    """Return what the job still has to download, in the order of the case file."""
    rows = await connection.fetch_all(
        "SELECT id, name, declared_size, declared_mime_type, copies, revision FROM documents"
        " WHERE job_id = :job_id AND status IN ('pending', 'processing') ORDER BY position, id",
        {"job_id": job_id},
    )
    decoder = msgspec.json.Decoder(tuple[Copy, ...])
    return [Task(**dict(row) | {"copies": decoder.decode(row["copies"])}) for row in rows]


#: The rows that a worker writes under its lease, locked in the order of their ids like in every statement.
_MINE = (
    "WITH mine AS (SELECT documents.id FROM documents JOIN jobs ON jobs.id = documents.job_id"
    " WHERE documents.id IN (:id, :following) AND jobs.lease_token = :lease ORDER BY documents.id"
    " FOR UPDATE OF documents)"
)
_START = "UPDATE documents SET status = 'processing', started_at = now() FROM mine WHERE documents.id = mine.id"
#: Ends one document and starts the next in one statement: less work for PostgreSQL and one round trip less.
_END = f"{_MINE}, following AS ({_START} AND documents.id = :following) UPDATE documents SET completed_at = now(),"
# The conditions are on the row itself: PostgreSQL checks them again after it has waited for another transaction.
_ENDED = (
    "FROM mine WHERE documents.id = mine.id AND documents.id = :id AND documents.status = 'processing'"
    " AND documents.revision = :revision RETURNING documents.id"
)


async def start(connection: Connection, document_id: UUID, lease: UUID) -> bool:
    """Mark a document as being downloaded. False: the lease is lost, stop."""
    row = await connection.fetch_one(
        f"{_MINE.replace(', :following', '')} {_START} RETURNING documents.id", {"id": document_id, "lease": lease}
    )
    return row is not None


async def mark_available(
    connection: Connection,
    document_id: UUID,
    lease: UUID,
    file: StoredFile,
    *,
    revision: int,
    attempts: int,
    following: UUID | None = None,
) -> Written:
    """Record the verified file of `revision`, and `start` the `following` document."""
    target = {"id": document_id, "lease": lease, "revision": revision, "attempts": attempts, "following": following}
    row = await connection.fetch_one(
        f"{_END} status = 'available', storage_key = :key, size = :size, sha256 = :sha256, is_current = true,"
        " mime_type = :mime_type, charset = :charset, crc32 = :crc32, content_flags = :content_flags,"
        " size_mismatch = :size_mismatch, attempts = :attempts, error_code = NULL,"
        f" error_message = NULL {_ENDED}",
        {**target, **msgspec.structs.asdict(file), "size_mismatch": ContentFlag.SIZE_MISMATCH in file.content_flags},
    )
    return await _written(connection, row, lease)


async def mark_failed(
    connection: Connection,
    document_id: UUID,
    lease: UUID,
    code: ErrorCode,
    *,
    revision: int,
    attempts: int,
    following: UUID | None = None,
) -> Written:
    """Record that a document failed, and `start` the `following` one. An older file of it stays available."""
    row = await connection.fetch_one(
        f"{_END} status = CASE WHEN storage_key IS NULL THEN 'failed' ELSE 'available' END,"
        f" attempts = :attempts, error_code = :code, error_message = :message {_ENDED}",
        {
            "id": document_id,
            "lease": lease,
            "revision": revision,
            "attempts": attempts,
            "following": following,
            "code": code,
            "message": SENTENCES[code],
        },
    )
    return await _written(connection, row, lease)


async def _written(connection: Connection, row: object, lease: UUID) -> Written:
    if row is not None:
        return Written.YES
    held = await connection.fetch_val(
        "SELECT 1 FROM jobs WHERE status = 'processing' AND lease_token = :lease", {"lease": lease}
    )
    return Written.LEASE_LOST if held is None else Written.SUPERSEDED
