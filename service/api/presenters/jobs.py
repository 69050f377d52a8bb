"""A job as clients see it."""

from datetime import UTC
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from service.api.presenters.documents import FailureCode
from service.api.presenters.timestamps import Timestamp, to_utc
from service.database.jobs.job_history import JobRow
from service.domain.process_number import ProcessNumber
from service.domain.statuses import JobStatus


class JobView(msgspec.Struct, frozen=True):
    """One job as clients see it."""

    id: Annotated[UUID, Meta(description="The id of the job.")]
    process_number: Annotated[str, Meta(description="The case number, masked.")]
    status: Annotated[JobStatus, Meta(description="`completed`, `failed` and `cancelled` are final.")]
    total_documents: Annotated[int, Meta(description="How many documents the job was made for.")]
    completed_documents: Annotated[int, Meta(description="How many documents are available.")]
    failed_documents: Annotated[int, Meta(description="How many documents failed; each says why.")]
    error_code: Annotated[FailureCode | None, Meta(description="Why the case could not be listed.")]
    error_message: Annotated[str | None, Meta(description="The same as a sentence that says what to do.")]
    waiting_for: Annotated[
        str | None,
        Meta(description="Why it waits, also during a retry while the cause persists; null for its user's turn."),
    ]
    tried_again_at: Annotated[
        Timestamp | None, Meta(description="When it is tried again; null if nothing postponed it.")
    ]
    created_at: Annotated[Timestamp, Meta(description="When it was requested.")]
    started_at: Annotated[Timestamp | None, Meta(description="When a worker first took it.")]
    completed_at: Annotated[Timestamp | None, Meta(description="When it ended.")]


def job_view(job: JobRow) -> JobView:
    """A job as clients see it."""
    return JobView(
        id=job.id,
        process_number=ProcessNumber(job.process_number).masked,
        status=job.status,
        total_documents=job.total_documents,
        completed_documents=job.completed_documents,
        failed_documents=job.failed_documents,
        error_code=job.error_code,
        error_message=job.error_message,
        waiting_for=job.waiting_for,
        tried_again_at=to_utc(job.tried_again_at),
        created_at=job.created_at.astimezone(UTC),
        started_at=to_utc(job.started_at),
        completed_at=to_utc(job.completed_at),
    )
