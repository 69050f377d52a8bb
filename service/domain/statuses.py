"""Every status of the service, and the allowed changes between them.

Database triggers have the same tables of changes and refuse every other change.
"""

from collections.abc import Mapping

from service.domain.described.enums import DescribedEnum


class DocumentStatus(DescribedEnum):
    """The status of one document of a case."""

    PENDING = "pending", "known; it waits for a job, or for its turn in one"
    PROCESSING = "processing", "a job works on it; if the request has no webhook, it starts here"
    AVAILABLE = "available", "its bytes are in the object store and were verified"
    FAILED = "failed", "the download failed, with an error code; a new job tries again"


class JobStatus(DescribedEnum):
    """The status of one download job. The last three are final."""

    PENDING = "pending", "no worker has it: it is new, was handed back by a worker, or waits for the portal"
    PROCESSING = "processing", "a worker holds its lease"
    COMPLETED = "completed", "every document it was made for is available; the case may lack others"
    FAILED = "failed", "it ended and at least one document is not available, or the case cannot be listed"
    CANCELLED = "cancelled", "it was stopped; available documents stay available"


class ProcessStatus(DescribedEnum):
    """The status of a case. Derived from its documents and its last job."""

    PENDING = "pending", "no worker has the case yet, or it has documents that were not requested"
    PROCESSING = "processing", "a worker downloads its documents"
    COMPLETED = "completed", "every document is available, or there are none"
    FAILED = "failed", "the work ended and at least one document is not available"
    CANCELLED = "cancelled", "the work was stopped; available documents stay available"


class DeliveryStatus(DescribedEnum):
    """The status of the delivery of one event to one subscriber."""

    WAITING = "waiting", "the job has not ended"
    SCHEDULED = "scheduled", "the next attempt has a time"
    DELIVERED = "delivered", "the subscriber answered 2xx"
    FAILED = "failed", "attempts exhausted, or the subscriber answered 410"
    CANCELLED = "cancelled", "a person stopped it; no attempt follows"


DOCUMENT_ARROWS: Mapping[DocumentStatus, frozenset[DocumentStatus]] = {
    DocumentStatus.PENDING: frozenset({DocumentStatus.PROCESSING, DocumentStatus.FAILED}),
    DocumentStatus.PROCESSING: frozenset({DocumentStatus.PENDING, DocumentStatus.AVAILABLE, DocumentStatus.FAILED}),
    DocumentStatus.AVAILABLE: frozenset({DocumentStatus.PENDING, DocumentStatus.PROCESSING}),
    DocumentStatus.FAILED: frozenset({DocumentStatus.PENDING, DocumentStatus.PROCESSING}),
}

JOB_ARROWS: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset({JobStatus.PROCESSING, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.PROCESSING: frozenset({JobStatus.PENDING, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.COMPLETED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}

DELIVERY_ARROWS: Mapping[DeliveryStatus, frozenset[DeliveryStatus]] = {
    DeliveryStatus.WAITING: frozenset({DeliveryStatus.SCHEDULED, DeliveryStatus.CANCELLED}),
    DeliveryStatus.SCHEDULED: frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.FAILED, DeliveryStatus.CANCELLED}),
    DeliveryStatus.DELIVERED: frozenset(),
    # A resend was requested.
    DeliveryStatus.FAILED: frozenset({DeliveryStatus.SCHEDULED, DeliveryStatus.DELIVERED}),
    # The same URL was requested again, before or after the end of the job; or an attempt under way succeeded.
    DeliveryStatus.CANCELLED: frozenset({DeliveryStatus.WAITING, DeliveryStatus.SCHEDULED, DeliveryStatus.DELIVERED}),
}

ACTIVE_JOB = frozenset({JobStatus.PENDING, JobStatus.PROCESSING})
FINAL_STATUSES = frozenset({ProcessStatus.COMPLETED, ProcessStatus.FAILED, ProcessStatus.CANCELLED})


def process_status(job: JobStatus | None, *, listed: bool, outstanding: int, failed: int) -> ProcessStatus:
    """Derive the status of a process from its last job and from its documents that are not available.

    `listed` says whether the portal has ever listed it. `outstanding` counts the documents that are pending or
    processing, `failed` those that failed or whose newer version could not be downloaded.
    """
    if job in ACTIVE_JOB or (job is not None and not listed):
        return ProcessStatus(job)
    if not outstanding and not failed:
        return ProcessStatus.COMPLETED
    if job is JobStatus.CANCELLED:
        return ProcessStatus.CANCELLED
    return ProcessStatus.PENDING if outstanding else ProcessStatus.FAILED
