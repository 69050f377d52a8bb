"""Writes the events of a case: at the end of a job, and for a request that needs no job.

An event describes what its transaction sees. The caller holds the lock of the process.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from service.database.cases import case_facts, documents, processes
from service.database.connection import Connection
from service.database.deliveries import events
from service.domain.case_facts import has_data
from service.domain.documents import Document
from service.domain.events import (
    UPDATED,
    CaseUpdate,
    Counts,
    EventBody,
    EventDocument,
    count,
    event_documents,
    event_type,
)
from service.domain.process_number import ProcessNumber
from service.domain.statuses import JobStatus, ProcessStatus


async def record_end(
    connection: Connection, number: ProcessNumber, job_id: UUID, status: JobStatus, *, moment: datetime, limit: int
) -> UUID:
    """Write the event of a job that ended. `limit`: documents that an event lists at most."""
    found = await documents.of_process(connection, number)
    body = await _body(connection, number, found, status, moment=moment, limit=limit)
    return await _record(connection, number, msgspec.structs.replace(body, job_id=job_id))


async def record_state(connection: Connection, number: ProcessNumber, *, limit: int) -> UUID:
    """Return the event for a request that needs no download. An equal one is reused if it is the newest event."""
    found = await documents.of_process(connection, number)
    # Not now(): this transaction may have waited for one that wrote an event.
    moment: datetime = await connection.fetch_val("SELECT clock_timestamp()")
    body = await _body(connection, number, found, None, moment=moment, limit=limit)
    fingerprint = _fingerprint(body)
    known = await events.newest_with(connection, number.digits, fingerprint)
    return known or await _record(connection, number, body, fingerprint)


async def record_update(connection: Connection, number: ProcessNumber, update: CaseUpdate) -> UUID:
    """Write the event that tells watchers what is new in a case."""
    counts = await processes.counts(connection, number)
    moment: datetime = await connection.fetch_val("SELECT clock_timestamp()")
    body = EventBody(
        process_number=number.masked,
        job_id=None,
        status=_case_status(counts, None),
        total_documents=counts.total,
        completed_documents=counts.completed,
        failed_documents=counts.failed,
        completed_at=moment,
        documents=(),
        documents_truncated=update.documents_truncated,
        process=await case_facts.find(connection, number),
        update=update,
    )
    return await _record(connection, number, body, type_of_event=UPDATED)


def _case_status(counts: Counts, job_status: JobStatus | None) -> ProcessStatus:
    """Return the status in the event: completed only if nothing is outstanding and nothing failed."""
    if job_status is JobStatus.CANCELLED:
        return ProcessStatus.CANCELLED
    if counts.failed or job_status is JobStatus.FAILED:
        return ProcessStatus.FAILED
    return ProcessStatus.PENDING if counts.outstanding else ProcessStatus.COMPLETED


async def _body(
    connection: Connection,
    number: ProcessNumber,
    found: list[Document],
    job_status: JobStatus | None,
    *,
    moment: datetime,
    limit: int,
) -> EventBody:
    counts = count(found)
    return EventBody(
        process_number=number.masked,
        job_id=None,
        status=_case_status(counts, job_status),
        total_documents=counts.total,
        completed_documents=counts.completed,
        failed_documents=counts.failed,
        completed_at=moment,
        documents=event_documents(found, limit=limit),
        documents_truncated=counts.total > limit,
        process=await case_facts.find(connection, number),
    )


def _fingerprint(body: EventBody) -> bytes:
    """Hash what an event says, except its time, the declared sizes and types, and when the portal was asked.

    Other fields that earlier versions lacked count only if set: otherwise an upgrade would repeat every event. So the
    case counts from the first listing on that brought its data.
    """
    said = msgspec.structs.asdict(body)
    del said["completed_at"], said["process"], said["update"]
    if body.process is not None and has_data(body.process):
        said["process"] = msgspec.structs.replace(body.process, listed_at=None)
    said["documents"] = [_said_of(document) for document in body.documents]
    return sha256(msgspec.json.encode(said)).digest()


def _said_of(document: EventDocument) -> dict[str, Any]:
    said = msgspec.structs.asdict(document)
    del said["declared_size"], said["declared_mime_type"]
    return {name: value for name, value in said.items() if value or name not in {"content_flags", "charset"}}


async def _record(
    connection: Connection,
    number: ProcessNumber,
    body: EventBody,
    fingerprint: bytes | None = None,
    *,
    type_of_event: str | None = None,
) -> UUID:
    return await events.record(
        connection,
        body,
        number=number.digits,
        event_type=type_of_event or event_type(body.status),
        occurred_at=body.completed_at,
        fingerprint=fingerprint,
    )
