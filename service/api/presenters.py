"""The shapes that clients see of a process and its documents."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from service.api.moments import Moment
from service.database.process_lists import ProcessRow
from service.database.processes import Overview
from service.domain.documents import Document
from service.domain.events import Counts, count
from service.domain.file_names import download_name
from service.domain.process_number import ProcessNumber
from service.domain.statuses import ACTIVE_JOB, DeliveryStatus, ProcessStatus, process_status
from service.object_store import ObjectStore


class DocumentView(msgspec.Struct, frozen=True):
    """One document with a link that was signed for this answer."""

    id: UUID
    uuid: str
    name: str
    type: str
    status: str
    size: int | None  #: bytes: of the stored file, until there is one as the portal lists it
    mime_type: str | None
    sha256: str | None
    secrecy: str
    instance: str
    sequence: int | None
    page_count: int | None
    filed_at: Moment | None
    size_mismatch: bool
    download_url: str | None
    download_url_expires_at: Moment | None
    error_code: str | None
    error_message: str | None
    attempts: int
    started_at: Moment | None
    completed_at: Moment | None


class ProcessView(msgspec.Struct, frozen=True):
    """The answer of the main entry."""

    process_number: str
    court: str | None
    court_class: str | None
    subject: str | None
    filed_at: Moment | None
    secrecy_level: int | None
    has_documents: bool
    total_documents: int
    status: ProcessStatus
    job_id: UUID | None
    webhook_url: str | None
    documents: list[DocumentView]


class ProcessSummary(msgspec.Struct, frozen=True):
    """A case without its documents, as lists show it."""

    process_number: str
    court: str | None
    court_class: str | None
    subject: str | None
    filed_at: Moment | None
    secrecy_level: int | None
    has_documents: bool
    total_documents: int
    status: ProcessStatus
    job_id: UUID | None
    created_at: Moment
    updated_at: Moment


class StatusView(msgspec.Struct, frozen=True):
    """The answer of the status endpoint. The webhook is the caller's own."""

    process_number: str
    status: ProcessStatus
    total_documents: int
    completed_documents: int
    failed_documents: int
    progress_percentage: float
    documents: list[DocumentView]
    job_id: UUID | None
    error_code: str | None
    error_message: str | None
    webhook_url: str | None
    webhook_sent: bool
    webhook_sent_at: Moment | None
    webhook_attempts: int
    webhook_last_error: str | None
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None


def process_summary(row: ProcessRow) -> ProcessSummary:
    """A row of a list."""
    return ProcessSummary(
        process_number=ProcessNumber(row.number).masked,
        court=row.court,
        court_class=row.court_class,
        subject=row.subject,
        filed_at=_utc(row.filed_at),
        secrecy_level=row.secrecy_level,
        has_documents=row.total_documents > 0,
        total_documents=row.total_documents,
        status=row.status,
        job_id=row.job_id,
        created_at=row.created_at.astimezone(UTC),
        updated_at=row.updated_at.astimezone(UTC),
    )


class ProgressView(msgspec.Struct, frozen=True):
    """What the status endpoint says of the work, without the documents and without anybody's webhook."""

    process_number: str
    status: ProcessStatus
    total_documents: int
    completed_documents: int
    failed_documents: int
    progress_percentage: float
    job_id: UUID | None
    error_code: str | None
    error_message: str | None
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None


async def document_views(documents: list[Document], store: ObjectStore) -> list[DocumentView]:
    """Sign a link for each stored file; asks nobody."""
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=store.link_ttl)
    return [await _document_view(document, store, expires_at) for document in documents]


async def _document_view(document: Document, store: ObjectStore, expires_at: datetime) -> DocumentView:
    mime_type = document.mime_type or document.declared_mime_type
    link = await document_link(document, store)
    return DocumentView(
        id=document.id,
        uuid=document.uuid,
        name=document.name,
        type=document.type,
        status=document.status,
        size=document.declared_size if document.size is None else document.size,
        mime_type=mime_type,
        sha256=document.sha256,
        secrecy=document.secrecy,
        instance=document.instance,
        sequence=document.sequence,
        page_count=document.page_count,
        filed_at=_utc(document.filed_at),
        size_mismatch=document.size_mismatch,
        download_url=link,
        download_url_expires_at=expires_at if link else None,
        error_code=document.error_code,
        error_message=document.error_message,
        attempts=document.attempts,
        started_at=_utc(document.started_at),
        completed_at=_utc(document.completed_at),
    )


async def document_link(document: Document, store: ObjectStore) -> str | None:
    """A fresh link to the stored file under the document's own name; None where there is no file."""
    if document.storage_key is None or document.mime_type is None:
        return None
    name = download_name(document.name, document.mime_type)
    return await store.link(document.storage_key, name, document.mime_type)


def process_view(
    number: ProcessNumber, overview: Overview, documents: list[Document], views: list[DocumentView]
) -> ProcessView:
    """Put the main entry's answer together."""
    counts = count(documents)
    is_active = overview.job_status in ACTIVE_JOB
    return ProcessView(
        process_number=number.masked,
        court=overview.court,
        court_class=overview.court_class,
        subject=overview.subject,
        filed_at=_utc(overview.filed_at),
        secrecy_level=overview.secrecy_level,
        has_documents=counts.total > 0,
        total_documents=counts.total,
        status=_status(overview, counts),
        job_id=overview.job_id if is_active else None,
        webhook_url=overview.webhook_url,
        documents=views,
    )


def status_view(
    number: ProcessNumber, overview: Overview, documents: list[Document], views: list[DocumentView]
) -> StatusView:
    """Put the status endpoint's answer together."""
    counts = count(documents)
    was_sent = overview.webhook_status is DeliveryStatus.DELIVERED
    return StatusView(
        process_number=number.masked,
        status=_status(overview, counts),
        total_documents=counts.total,
        completed_documents=counts.completed,
        failed_documents=counts.failed,
        progress_percentage=_progress(overview, counts),
        documents=views,
        job_id=overview.job_id,
        error_code=overview.job_error_code,
        error_message=overview.job_error_message,
        webhook_url=overview.webhook_url,
        webhook_sent=was_sent,
        webhook_sent_at=_utc(overview.webhook_completed_at) if was_sent else None,
        webhook_attempts=overview.webhook_attempts or 0,
        webhook_last_error=overview.webhook_last_error,
        created_at=overview.job_created_at or overview.created_at,
        started_at=_utc(overview.job_started_at),
        completed_at=_utc(overview.job_completed_at),
    )


def progress_view(number: ProcessNumber, overview: Overview, counts: Counts) -> ProgressView:
    """Put together what is pushed while the work goes on, and when it ends."""
    return ProgressView(
        process_number=number.masked,
        status=_status(overview, counts),
        total_documents=counts.total,
        completed_documents=counts.completed,
        failed_documents=counts.failed,
        progress_percentage=_progress(overview, counts),
        job_id=overview.job_id,
        error_code=overview.job_error_code,
        error_message=overview.job_error_message,
        created_at=(overview.job_created_at or overview.created_at).astimezone(UTC),
        started_at=_utc(overview.job_started_at),
        completed_at=_utc(overview.job_completed_at),
    )


def _status(overview: Overview, counts: Counts) -> ProcessStatus:
    return process_status(
        overview.job_status,
        listed=overview.listed_at is not None,
        outstanding=counts.outstanding,
        failed=counts.failed,
    )


def _progress(overview: Overview, counts: Counts) -> float:
    """Never goes backwards within a job: what joined it late counts from where clients saw it before."""
    floor = overview.job_progress_floor or 0.0
    if overview.job_status not in ACTIVE_JOB:
        return counts.progress_percentage
    return floor if overview.job_refresh else max(floor, counts.progress_percentage)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
