"""A job as clients see it."""

from datetime import UTC
from uuid import UUID

import msgspec

from service.api.framework.moments import Moment, utc
from service.api.presenters.documents import FailureCode
from service.database.jobs.job_history import JobRow
from service.domain.process_number import ProcessNumber
from service.domain.statuses import JobStatus


class JobView(msgspec.Struct, frozen=True):
    """One job as clients see it."""

    id: UUID  #: the id of the job
    process_number: str  #: masked
    status: JobStatus  #: `completed`, `failed` and `cancelled` are final
    total_documents: int  #: those that the job was made for
    completed_documents: int  #: those that are available
    failed_documents: int  #: each document says why
    error_code: FailureCode | None  #: why the case could not be listed
    error_message: str | None  #: the same as a sentence that says what to do
    waiting_for: str | None  #: why it waits, also during a retry while the cause persists; null for its user's turn
    tried_again_at: Moment | None  #: when it is tried again; null if nothing postponed it
    created_at: Moment  #: when it was requested
    started_at: Moment | None  #: when a worker first took it
    completed_at: Moment | None  #: when it ended


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
        tried_again_at=utc(job.tried_again_at),
        created_at=job.created_at.astimezone(UTC),
        started_at=utc(job.started_at),
        completed_at=utc(job.completed_at),
    )
