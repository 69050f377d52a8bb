"""The status of a process, derived from its last job and its documents; and the arrows between statuses."""

from itertools import product

import pytest

from service.domain.statuses import (
    ACTIVE_JOB,
    DELIVERY_ARROWS,
    DOCUMENT_ARROWS,
    JOB_ARROWS,
    DeliveryStatus,
    DocumentStatus,
    JobStatus,
    ProcessStatus,
    process_status,
)

PENDING, PROCESSING, COMPLETED, FAILED, CANCELLED = JobStatus


@pytest.mark.parametrize(
    ("job", "listed", "outstanding", "failed", "expected"),
    [
        # No user requested the documents.
        (None, True, 0, 0, "completed"),
        (None, True, 3, 0, "pending"),
        (None, True, 3, 1, "pending"),
        (None, True, 0, 1, "failed"),
        # A job is in progress: its results so far do not matter.
        (PENDING, False, 0, 0, "pending"),
        (PENDING, True, 3, 0, "pending"),
        (PENDING, True, 0, 0, "pending"),
        (PROCESSING, False, 0, 0, "processing"),
        (PROCESSING, True, 2, 1, "processing"),
        (PROCESSING, True, 0, 0, "processing"),
        # The job ended.
        (COMPLETED, True, 0, 0, "completed"),
        (FAILED, True, 0, 2, "failed"),
        (CANCELLED, True, 2, 0, "cancelled"),
        (CANCELLED, True, 2, 1, "cancelled"),
        (CANCELLED, True, 0, 1, "cancelled"),
        # It was cancelled when everything was available.
        (CANCELLED, True, 0, 0, "completed"),
        # A listing after its end added documents that no user requested.
        (COMPLETED, True, 1, 0, "pending"),
        (FAILED, True, 1, 2, "pending"),
        # The portal never listed the case: only the job has a status.
        (FAILED, False, 0, 0, "failed"),
        (CANCELLED, False, 0, 0, "cancelled"),
    ],
)
def test_the_status_of_a_process(
    job: JobStatus | None, listed: bool, outstanding: int, failed: int, expected: str
) -> None:
    assert process_status(job, listed=listed, outstanding=outstanding, failed=failed) == expected


def test_a_process_is_complete_only_if_nothing_is_outstanding_or_failed() -> None:
    cases = product([None, *JobStatus], [True, False], range(3), range(3))
    complete = {
        (job, listed, outstanding, failed)
        for job, listed, outstanding, failed in cases
        if process_status(job, listed=listed, outstanding=outstanding, failed=failed) is ProcessStatus.COMPLETED
        and (listed or job is None)
    }

    assert complete == {
        (job, listed, 0, 0)
        for job, listed in product([None, COMPLETED, FAILED, CANCELLED], [True, False])
        if listed or job is None
    }


def test_every_status_has_its_arrows() -> None:
    assert set(DOCUMENT_ARROWS) == set(DocumentStatus)
    assert set(JOB_ARROWS) == set(JobStatus)
    assert set(DELIVERY_ARROWS) == set(DeliveryStatus)


def test_a_job_that_ended_never_moves_again() -> None:
    assert {status for status in JobStatus if not JOB_ARROWS[status]} == set(JobStatus) - ACTIVE_JOB


def test_a_delivered_webhook_is_never_sent_again() -> None:
    assert not DELIVERY_ARROWS[DeliveryStatus.DELIVERED]


def test_only_a_document_that_was_worked_on_becomes_available() -> None:
    sources = {status for status, targets in DOCUMENT_ARROWS.items() if DocumentStatus.AVAILABLE in targets}

    assert sources == {DocumentStatus.PROCESSING}
