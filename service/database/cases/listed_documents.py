"""Writes what a listing says about the documents of a process to their rows.

The caller holds the lock of the process and, from `documents.lock_all`, those of the rows.
"""

from typing import Any

import msgspec

from service.database.cases.documents import has_address
from service.database.connection import Connection, as_json
from service.database.document_counts import SETTLED
from service.domain.listings import ListedDocument
from service.domain.process_number import ProcessNumber

# A listing that gives no address for a document that had one says nothing about its content: what is known stays.
_IS_NEWS = f"({has_address('excluded.copies')} OR NOT {has_address('documents.copies')})"

# The content is new if the uuid that is listed first was not known, or if the declared size differs both from the one
# that was declared before and from that of the file. Or if it was new before, but the portal stopped listing the
# document before it was downloaded, and lists it again now.
_CHANGED = f"""({_IS_NEWS} AND (
    NOT documents.copies @> jsonb_build_array(jsonb_build_object('uuid', excluded.uuid))
    OR (excluded.declared_size IS DISTINCT FROM documents.declared_size
        AND excluded.declared_size IS NOT NULL
        AND excluded.declared_size IS DISTINCT FROM documents.size)
    OR (documents.status = 'available' AND documents.error_code IS NULL AND NOT documents.is_current)))"""

# A mismatch flag goes if the listing now declares the size or type of the stored file. The other flags stay.
_FLAGS = """array_remove(
    CASE WHEN excluded.declared_size = documents.size
        THEN array_remove(documents.content_flags, 'size_mismatch') ELSE documents.content_flags END,
    CASE WHEN lower(excluded.declared_mime_type) = documents.mime_type THEN 'type_mismatch' END)"""

# A document that is being downloaded, or waits for it, stays in its job: the worker notices the new revision.
_REGISTER = f"""
INSERT INTO documents (
    id, process_number, instance, origin_id, uuid, position, sequence, name, type, secrecy, filed_at, page_count,
    declared_size, declared_mime_type, copies, status, news)
SELECT id, :number, instance, origin_id, uuid, position, sequence, name, type, secrecy, filed_at, page_count,
    declared_size, declared_mime_type, copies, 'pending', :asked
FROM jsonb_to_recordset(CAST(:documents AS jsonb)) AS listed (
    id uuid, instance text, origin_id text, uuid text, position integer, sequence bigint, name text, type text,
    secrecy text, filed_at timestamptz, page_count integer, declared_size bigint, declared_mime_type text,
    copies jsonb)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET
    position = excluded.position, sequence = excluded.sequence, name = excluded.name,
    type = excluded.type, secrecy = excluded.secrecy, filed_at = excluded.filed_at,
    page_count = excluded.page_count,
    declared_mime_type = coalesce(excluded.declared_mime_type, documents.declared_mime_type),
    content_flags = {_FLAGS},
    size_mismatch = documents.size_mismatch AND excluded.declared_size IS DISTINCT FROM documents.size,
    uuid = CASE WHEN {_IS_NEWS} THEN excluded.uuid ELSE documents.uuid END,
    declared_size = CASE WHEN {_IS_NEWS}
        THEN coalesce(excluded.declared_size, documents.declared_size) ELSE documents.declared_size END,
    copies = CASE WHEN {_IS_NEWS} THEN excluded.copies ELSE documents.copies END,
    revision = documents.revision + CASE WHEN {_CHANGED} THEN 1 ELSE 0 END,
    is_current = documents.is_current AND NOT {_CHANGED},
    news = CASE WHEN {_CHANGED} THEN excluded.news ELSE documents.news END,
    job_id = CASE WHEN {_CHANGED} AND {SETTLED} THEN NULL ELSE documents.job_id END,
    status = CASE WHEN {_CHANGED} AND documents.status = 'available' THEN 'pending' ELSE documents.status END
"""


async def register(
    connection: Connection, number: ProcessNumber, listed: tuple[ListedDocument, ...], *, asked: int
) -> None:
    """Add new documents and update the others. Documents that are no longer listed stay as they are.

    `asked`: the place of the listing among all of them. It is the `news` of documents with new content.

    An available document whose content changed becomes pending again and keeps its file meanwhile. A download under
    way goes on; because of the new revision, the worker downloads the document again.
    """
    rows = [_as_row(number, position, document) for position, document in enumerate(listed)]
    await connection.execute(_REGISTER, {"number": number.digits, "documents": as_json(rows), "asked": asked})


async def drop_unlisted(connection: Connection, number: ProcessNumber, listed: tuple[ListedDocument, ...]) -> None:
    """Delete documents that the portal no longer lists and that were never downloaded. Downloaded ones stay.

    The portal cannot be asked for them any more, so they must not fail a later job. Documents of an active job are left
    alone. An empty listing deletes nothing: the portal sometimes returns one by mistake.
    """
    if not listed:
        return
    values = {"number": number.digits, "ids": [document.id_in(number) for document in listed]}
    unlisted = (
        "documents.process_number = :number AND NOT documents.id = ANY(:ids) AND NOT EXISTS (SELECT 1 FROM jobs"
        " WHERE jobs.id = documents.job_id AND jobs.status IN ('pending', 'processing'))"
    )
    await connection.execute(f"DELETE FROM documents WHERE storage_key IS NULL AND {unlisted}", values)
    # A trigger lets a document become available only from processing.
    await connection.execute(
        "UPDATE documents SET status = 'processing'"
        f" WHERE storage_key IS NOT NULL AND status <> 'available' AND {unlisted}",
        values,
    )
    await connection.execute(
        "UPDATE documents SET status = 'available', error_code = NULL, error_message = NULL,"
        " completed_at = coalesce(completed_at, now()) WHERE storage_key IS NOT NULL"
        f" AND (status <> 'available' OR error_code IS NOT NULL) AND {unlisted}",
        values,
    )


def _as_row(number: ProcessNumber, position: int, document: ListedDocument) -> dict[str, Any]:
    return msgspec.structs.asdict(document) | {
        "id": document.id_in(number),
        "uuid": document.copies[0].uuid,
        "position": position,
    }
