"""Views of jobs and webhooks."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from service.console.views.deliveries import DeliveryLine, delivery_line
from service.console.views.jobs import JobLine, job_line
from service.database.deliveries.delivery_history import DeliveryRow
from service.database.jobs.job_history import JobRow
from service.domain.statuses import DeliveryStatus, JobStatus

MOMENT = datetime(2026, 1, 31, 2, 5, tzinfo=UTC)
ID = UUID("71a158dc-5460-463c-bbfd-4c6d8ab040e9")
DIGITS = "00001230620234036100"


def job_lines(text: str) -> list[JobLine]:
    """A job in each status."""
    rows = [
        JobRow(
            id=ID,
            process_number=DIGITS,
            status=status,
            refresh=False,
            total_documents=4,
            completed_documents=2,
            failed_documents=1,
            lease_expires_at=None,
            error_code="process_not_found" if status is JobStatus.FAILED else None,
            error_message=text,
            waiting_for=text if status is JobStatus.PENDING else None,
            tried_again_at=MOMENT if status is JobStatus.PENDING else None,
            created_at=MOMENT,
            started_at=MOMENT,
            completed_at=None if status in {JobStatus.PENDING, JobStatus.PROCESSING} else MOMENT,
        )
        for status in JobStatus
    ]
    return [job_line(row, place) for row, place in zip(rows, (0, 3, None, None, None), strict=True)]


def delivery_row(text: str, status: DeliveryStatus, event_type: str | None = "process.completed") -> DeliveryRow:
    """A delivery whose every text is `text`."""
    values = dict.fromkeys(DeliveryRow.__struct_fields__) | {
        "id": ID,
        "user_id": ID,
        "process_number": DIGITS,
        "job_id": ID,
        "event_type": event_type,
        "url": text,
        "host": text,
        "status": status,
        "next_attempt_at": MOMENT if status is DeliveryStatus.SCHEDULED else None,
        "resend_at": MOMENT if status is DeliveryStatus.SCHEDULED else None,
        "last_error": text,
        "created_at": MOMENT,
        "completed_at": MOMENT,
    }
    return DeliveryRow(**values)  # type: ignore[arg-type]  # by name


def delivery_lines(text: str) -> list[DeliveryLine]:
    """A delivery in each status, and one whose job has not ended."""
    rows = [delivery_row(text, status) for status in DeliveryStatus]
    return [delivery_line(row) for row in [*rows, delivery_row(text, DeliveryStatus.WAITING, None)]]


def work_views(text: str) -> Mapping[str, list[object]]:
    """The views of each template, so that every branch of it is rendered. `text` stands wherever somebody may write."""
    return {}
