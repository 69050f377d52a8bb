"""The documents of a process."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from service.database.connection import PART, Connection, as_struct, fetch_in_parts
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

#: The file that is there is what the portal lists.
CURRENT = "(documents.status = 'available' AND documents.error_code IS NULL)"
#: A job has to download it, or to try again.
LACKING = f"(NOT {CURRENT})"


def has_address(copies: str) -> str:
    """SQL: one of some copies can be asked for."""
    return f"({copies} @? '$[*] ? (@.binary_href != null || @.text_href != null)')"


#: To try again without a newer listing can bring nothing.
HOPELESS = (
    f"(documents.error_code IS NOT DISTINCT FROM '{ErrorCode.NOTHING_TO_DOWNLOAD}'"
    f" AND NOT {has_address('documents.copies')})"
)


async def lock_all(connection: Connection, number: ProcessNumber) -> None:
    """Lock the rows of a process, for a transaction that writes to several of them in more than one statement.

    Every statement that locks more than one document does it in the order of the ids: two of them never wait for
    each other.
    """
    await connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM documents WHERE process_number = :number ORDER BY id FOR UPDATE) AS rows",
        {"number": number.digits},
    )


async def of_process(connection: Connection, number: ProcessNumber) -> list[Document]:
    """All of them, in the order of the file."""
    values = {"number": number.digits}
    query = f"SELECT {_COLUMNS} FROM documents WHERE process_number = :number ORDER BY position, id"
    rows = await connection.fetch_all(f"{query} LIMIT {PART}", values)
    if len(rows) < PART:
        return [as_struct(row, Document) for row in rows]
    return await fetch_in_parts(connection, query, values, lambda row: as_struct(row, Document))


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
    query = f"SELECT {_COLUMNS} FROM documents WHERE id = ANY(:ids)"
    found = await fetch_in_parts(connection, query, {"ids": ids}, lambda row: as_struct(row, Document))
    return {document.id: document for document in found}


async def lacking(connection: Connection, number: ProcessNumber, *, include_hopeless: bool) -> list[UUID]:
    """What the process has no current file of; `include_hopeless` counts those that have no address."""
    rows = await connection.fetch_all(
        f"SELECT id FROM documents WHERE process_number = :number AND {LACKING} AND (:all OR NOT {HOPELESS})",
        {"number": number.digits, "all": include_hopeless},
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

    The place is where that document stands by now: what arrives or is dropped meanwhile moves no page.
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
#: Documents that wait in the job already, or that it is downloading: asking again must not disturb that.
_OWN = "(job_id IS NOT DISTINCT FROM :job_id AND status IN ('pending', 'processing'))"
#: After this a job downloads nothing twice that it has downloaded already: who keeps asking must not keep it alive.
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
    """Give an active job what the process lacks and the job has not tried. False: it has all of it."""
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


#: Of what a job has not downloaded: the file that is there is what the portal lists.
KEEPS_FILE = "(documents.storage_key IS NOT NULL AND documents.is_current)"
_LEFT_OVER = "SELECT id FROM documents WHERE job_id = :job_id AND status IN ('pending', 'processing') ORDER BY id"


async def lock_left_over(connection: Connection, job_id: UUID) -> bool:
    """Let no worker end what a job has not downloaded, until the transaction has. False: there is nothing."""
    return bool(await connection.fetch_all(f"{_LEFT_OVER} FOR UPDATE", {"job_id": job_id}))


async def leave_job(connection: Connection, job_id: UUID) -> None:
    """Put back what a job that ends has not downloaded: a file that is there and current is available, as before.

    The job is taken from the rows: a statement of its worker that waits for them finds none of its own.
    """
    # The database lets nothing become available that is not processing.
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
    """What the job has still to download, in the order of the file."""
    rows = await connection.fetch_all(
        "SELECT id, name, declared_size, declared_mime_type, copies, revision FROM documents"
        " WHERE job_id = :job_id AND status IN ('pending', 'processing') ORDER BY position, id",
        {"job_id": job_id},
    )
    decoder = msgspec.json.Decoder(tuple[Copy, ...])
    return [Task(**dict(row) | {"copies": decoder.decode(row["copies"])}) for row in rows]


#: Rows that a worker writes, locked in the order of their ids as every statement locks them.
_MINE = (
    "WITH mine AS (SELECT documents.id FROM documents JOIN jobs ON jobs.id = documents.job_id"
    " WHERE documents.id IN (:id, :following) AND jobs.lease_token = :lease ORDER BY documents.id"
    " FOR UPDATE OF documents)"
)
_START = "UPDATE documents SET status = 'processing', started_at = now() FROM mine WHERE documents.id = mine.id"
#: Ends one document and begins the next: beside two statements, half of PostgreSQL's work and of the waiting.
_END = f"{_MINE}, following AS ({_START} AND documents.id = :following) UPDATE documents SET completed_at = now(),"
# The conditions are on the row itself: PostgreSQL looks at them again after it has waited for another transaction.
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
    """Record the verified file of the revision that was asked for, and `start` another document."""
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
    """Give a document up, and `start` another; an older file of it stays available."""
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
