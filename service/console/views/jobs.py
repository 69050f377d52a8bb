"""A job as a line of a list."""

from datetime import datetime
from uuid import UUID

import msgspec

from service.console.case_requests import case_path
from service.console.views.bars import Bar, bar_of
from service.console.views.case_heads import reason_key
from service.database.jobs.job_history import JobRow
from service.domain.events import Counts
from service.domain.process_number import ProcessNumber
from service.domain.statuses import ACTIVE_JOB, JobStatus


class JobLine(msgspec.Struct, frozen=True):
    """One job, and what can be done with it."""

    id: UUID
    number: str
    case_path: str
    path: str
    status: JobStatus
    bar: Bar
    position: int | None  #: None: it has begun, is put off, or it was not asked for
    waiting_for: str | None
    tried_again_at: datetime | None
    reason_key: str | None  #: of the sentence that says why its case could not be listed
    created_at: datetime
    completed_at: datetime | None

    @property
    def is_active(self) -> bool:
        """It can be cancelled; otherwise it has ended."""
        return self.status in ACTIVE_JOB

    @property
    def can_be_retried(self) -> bool:
        """It has ended without all of its documents."""
        return self.status in {JobStatus.FAILED, JobStatus.CANCELLED}


def job_line(job: JobRow, position: int | None = None) -> JobLine:
    """The line of a job."""
    number = ProcessNumber(job.process_number)
    counts = Counts(job.total_documents, job.completed_documents, job.failed_documents)
    return JobLine(
        id=job.id,
        number=number.masked,
        case_path=case_path(number),
        path=f"/console/jobs/{job.id}",
        status=job.status,
        bar=bar_of(counts, is_ended=job.completed_at is not None),
        position=position,
        waiting_for=job.waiting_for,
        tried_again_at=job.tried_again_at,
        reason_key=None if job.error_code is None else reason_key(job.error_code),
        created_at=job.created_at,
        completed_at=job.completed_at,
    )
