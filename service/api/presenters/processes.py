"""A case as clients see it: as the main entry, lists, the status and the progress show it."""

from datetime import UTC
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from service.actions.cases import RequestedCase
from service.api.presenters.document_links import DocumentLinks
from service.api.presenters.documents import DocumentView, FailureCode, document_views
from service.api.presenters.timestamps import Timestamp, to_utc
from service.database.cases.case_facts import facts_of
from service.database.cases.process_lists import ProcessRow
from service.database.cases.processes import Overview
from service.domain.case_facts import CaseFacts
from service.domain.events import Counts, count
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DeliveryStatus, ProcessStatus, process_status
from service.http.slices import Slices


class _Process(msgspec.Struct, frozen=True):
    """The first members of every view of a case."""

    process_number: Annotated[str, Meta(description="The case number, masked.")]
    court: Annotated[str | None, Meta(description="The court's abbreviation.")]
    court_class: Annotated[str | None, Meta(description="What kind of case it is.")]
    subject: Annotated[str | None, Meta(description="The first of its subjects.")]
    filed_at: Annotated[Timestamp | None, Meta(description="When the case was filed.")]
    secrecy_level: Annotated[int | None, Meta(description="0 for a public case.")]
    has_documents: Annotated[bool, Meta(description="Whether the portal lists any documents.")]
    total_documents: Annotated[
        int, Meta(description="How many documents the portal lists; also 0 while it has not listed the case.")
    ]
    status: Annotated[ProcessStatus, Meta(description="How far the work on it is.")]
    job_id: Annotated[UUID | None, Meta(description="The job that works on it or waits to; null if there is none.")]


class ProcessView(CaseFacts, frozen=True):
    """A case with its documents."""

    has_documents: Annotated[bool, Meta(description="Whether the portal lists any documents.")]
    total_documents: Annotated[
        int, Meta(description="How many documents the portal lists; also 0 while it has not listed the case.")
    ]
    status: Annotated[ProcessStatus, Meta(description="How far the work on it is.")]
    job_id: Annotated[UUID | None, Meta(description="The job that works on it or waits to; null if there is none.")]
    webhook_url: Annotated[str | None, Meta(description="The URL of the caller's last subscription.")]
    webhook_status: Annotated[
        DeliveryStatus | None, Meta(description="The status of its delivery; `waiting` until the job ends.")
    ]
    documents: Annotated[list[DocumentView], Meta(description="In the order of the case file.")]


class ProcessSummary(_Process, frozen=True):
    """A case without its documents, as lists show it."""

    created_at: Annotated[Timestamp, Meta(description="When it was first requested.")]
    updated_at: Annotated[Timestamp, Meta(description="When it was last requested or listed, or its work ended.")]


class StatusView(msgspec.Struct, frozen=True):
    """The status of a case. The webhook is the caller's own."""

    process_number: Annotated[str, Meta(description="The case number, masked.")]
    status: Annotated[ProcessStatus, Meta(description="How far the work on it is.")]
    total_documents: Annotated[
        int, Meta(description="How many documents the portal lists; also 0 while it has not listed the case.")
    ]
    completed_documents: Annotated[int, Meta(description="How many documents are available.")]
    failed_documents: Annotated[int, Meta(description="How many documents failed; each says why.")]
    progress_percentage: Annotated[
        float, Meta(description="Share of the documents that are available or failed: 0 to 100 with one decimal.")
    ]
    documents: Annotated[
        list[DocumentView], Meta(description="In the order of the case file; empty with `documents=false`.")
    ]
    job_id: Annotated[UUID | None, Meta(description="The most recent job, even if it has ended.")]
    error_code: Annotated[FailureCode | None, Meta(description="Why the case could not be listed.")]
    error_message: Annotated[str | None, Meta(description="The same as a sentence that says what to do.")]
    webhook_url: Annotated[str | None, Meta(description="The URL of the caller's last subscription.")]
    webhook_sent: Annotated[bool, Meta(description="Whether the webhook was delivered.")]
    webhook_sent_at: Annotated[Timestamp | None, Meta(description="When it was delivered.")]
    webhook_attempts: Annotated[int, Meta(description="POSTs so far.")]
    webhook_last_error: Annotated[str | None, Meta(description="The outcome of the last attempt that failed.")]
    created_at: Annotated[Timestamp, Meta(description="When the last job was requested, or the case if it has no job.")]
    started_at: Annotated[Timestamp | None, Meta(description="When a worker took the job.")]
    completed_at: Annotated[Timestamp | None, Meta(description="When the job ended.")]


def process_summary(row: ProcessRow) -> ProcessSummary:
    """A row of a list."""
    return ProcessSummary(
        process_number=ProcessNumber(row.number).masked,
        court=row.court,
        court_class=row.court_class,
        subject=row.subject,
        filed_at=to_utc(row.filed_at),
        secrecy_level=row.secrecy_level,
        has_documents=row.total_documents > 0,
        total_documents=row.total_documents,
        status=row.status,
        job_id=row.job_id,
        created_at=row.created_at.astimezone(UTC),
        updated_at=row.updated_at.astimezone(UTC),
    )


def overview_summary(number: ProcessNumber, overview: Overview) -> ProcessSummary:
    """A case as lists show it."""
    process, job = overview.process, overview.active_job
    return process_summary(
        ProcessRow(
            number=number.digits,
            court=process.court,
            court_class=process.court_class,
            subject=process.subject,
            filed_at=process.filed_at,
            secrecy_level=process.secrecy_level,
            total_documents=process.total_documents,
            status=overview.status,
            job_id=None if job is None else job.id,
            created_at=process.created_at,
            updated_at=process.updated_at,
        )
    )


class ProgressView(msgspec.Struct, frozen=True):
    """The status without the documents and without any user's webhook."""

    process_number: str
    status: ProcessStatus
    total_documents: int
    completed_documents: int
    failed_documents: int
    progress_percentage: float
    job_id: UUID | None
    error_code: str | None
    error_message: str | None
    created_at: Timestamp
    started_at: Timestamp | None
    completed_at: Timestamp | None


async def case_view(number: ProcessNumber, case: RequestedCase, links: DocumentLinks, slices: Slices) -> ProcessView:
    """The response of the main entry, with links that are signed now. Raises `StorageError`."""
    views = await document_views(case.documents, links, slices)
    counts, overview = count(case.documents), case.overview
    subscription = overview.subscription
    return ProcessView(
        **msgspec.structs.asdict(facts_of(number, overview.process, case.data)),
        has_documents=counts.total > 0,
        total_documents=counts.total,
        status=_status(overview, counts),
        job_id=None if overview.active_job is None else overview.active_job.id,
        webhook_url=None if subscription is None else subscription.url,
        webhook_status=None if subscription is None else subscription.status,
        documents=views,
    )


def status_view(number: ProcessNumber, overview: Overview, counts: Counts, views: list[DocumentView]) -> StatusView:
    """The response of the status endpoint."""
    webhook = overview.subscription
    was_sent = webhook is not None and webhook.status is DeliveryStatus.DELIVERED
    progress = progress_view(number, overview, counts)
    return StatusView(
        **msgspec.structs.asdict(progress),
        documents=views,
        webhook_url=None if webhook is None else webhook.url,
        webhook_sent=was_sent,
        webhook_sent_at=to_utc(webhook.completed_at) if webhook is not None and was_sent else None,
        webhook_attempts=0 if webhook is None else webhook.attempts,
        webhook_last_error=None if webhook is None else webhook.last_error,
    )


def progress_view(number: ProcessNumber, overview: Overview, counts: Counts) -> ProgressView:
    """The data of the events that are sent while the work goes on, and when it ends."""
    job = overview.last_job
    return ProgressView(
        process_number=number.masked,
        status=_status(overview, counts),
        total_documents=counts.total,
        completed_documents=counts.completed,
        failed_documents=counts.failed,
        progress_percentage=_progress(overview, counts),
        job_id=None if job is None else job.id,
        error_code=None if job is None else job.error_code,
        error_message=None if job is None else job.error_message,
        created_at=(overview.process if job is None else job).created_at.astimezone(UTC),
        started_at=None if job is None else to_utc(job.started_at),
        completed_at=None if job is None else to_utc(job.completed_at),
    )


def _status(overview: Overview, counts: Counts) -> ProcessStatus:
    return process_status(
        None if overview.last_job is None else overview.last_job.status,
        listed=overview.process.listed_at is not None,
        outstanding=counts.outstanding,
        failed=counts.failed,
    )


def _progress(overview: Overview, counts: Counts) -> float:
    """Never decreases within a job: documents that join late do not lower what clients saw before."""
    job = overview.active_job
    if job is None:
        return counts.progress_percentage
    floor = job.progress_floor or 0.0
    return floor if job.refresh else max(floor, counts.progress_percentage)
