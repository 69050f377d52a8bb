"""The next step of a delivery after an attempt."""

from datetime import timedelta
from uuid import uuid4

import pytest

from service.domain.deliveries import ClaimedDelivery
from service.domain.statuses import DeliveryStatus
from service.webhooks.outcome import OutcomeKind, PostOutcome
from service.webhooks.retry_policy import LOCAL_FAILURE_PATIENCE, WEBHOOK_RETRY_AFTER_MAX, next_step

DELAYS = tuple(timedelta(seconds=each) for each in (2, 4, 60))
LOCAL_FAILURES = [kind for kind in OutcomeKind if PostOutcome(kind).is_local_failure]


def claimed(attempt: int = 1, local_failure_for: timedelta = timedelta(0)) -> ClaimedDelivery:
    return ClaimedDelivery(
        id=uuid4(),
        event_id=uuid4(),
        user_id=uuid4(),
        url="https://hooks.example.com/",
        host="hooks.example.com",
        attempt=attempt,
        number=attempt,
        without_documents=False,
        lease=uuid4(),
        local_failure_for=local_failure_for,
        resend_at=None,
        process_number="00001230620234036100",
        job_id=None,
        request_id=None,
    )


def answered(status: int, retry_after: int | None = None) -> PostOutcome:
    return PostOutcome(OutcomeKind.STATUS, status_code=status, retry_after_seconds=retry_after)


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_jitter_only_adds(attempt: int) -> None:
    planned = DELAYS[attempt - 1]

    delays = [next_step(answered(500), claimed(attempt), DELAYS).retry_in for _ in range(300)]

    assert all(delay is not None and planned <= delay <= planned * 1.1 for delay in delays)
    assert len(set(delays)) > 100


def test_the_last_attempt_ends_the_delivery() -> None:
    assert next_step(answered(500), claimed(3), DELAYS).status is DeliveryStatus.SCHEDULED
    assert next_step(answered(500), claimed(4), DELAYS).status is DeliveryStatus.FAILED


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_makes_the_pause_longer_within_bounds(status: int) -> None:
    assert next_step(answered(status, 100), claimed(), DELAYS).retry_in == timedelta(seconds=100)
    assert next_step(answered(status, 10**18), claimed(), DELAYS).retry_in == WEBHOOK_RETRY_AFTER_MAX


@pytest.mark.parametrize(("status", "retry_after"), [(429, 1), (503, 0), (503, None), (500, 100), (404, 100)])
def test_retry_after_never_shortens_the_pause_and_counts_for_two_statuses_only(
    status: int, retry_after: int | None
) -> None:
    retry_in = next_step(answered(status, retry_after), claimed(), DELAYS).retry_in

    assert retry_in is not None
    assert timedelta(seconds=2) <= retry_in <= timedelta(seconds=2.2)


def test_a_subscriber_that_is_gone_ends_the_delivery_at_once() -> None:
    assert next_step(answered(410), claimed(), DELAYS).status is DeliveryStatus.FAILED


def test_a_body_that_was_too_large_is_thin_the_next_time() -> None:
    assert next_step(answered(413), claimed(), DELAYS).without_documents
    assert not next_step(answered(400), claimed(), DELAYS).without_documents


@pytest.mark.parametrize("kind", LOCAL_FAILURES)
def test_faults_of_this_service_use_up_no_attempt(kind: OutcomeKind) -> None:
    step = next_step(PostOutcome(kind), claimed(attempt=4), DELAYS)

    assert (step.status, step.uses_attempt, step.local_failure) == (DeliveryStatus.SCHEDULED, False, True)


@pytest.mark.parametrize("kind", LOCAL_FAILURES)
def test_faults_of_this_service_use_up_attempts_after_days(kind: OutcomeKind) -> None:
    assert next_step(PostOutcome(kind), claimed(1, LOCAL_FAILURE_PATIENCE), DELAYS).uses_attempt
    assert next_step(PostOutcome(kind), claimed(4, LOCAL_FAILURE_PATIENCE), DELAYS).status is DeliveryStatus.FAILED


def test_the_pauses_of_own_faults_grow_and_stay_bounded() -> None:
    ages = [timedelta(0), timedelta(minutes=10), timedelta(days=2)]

    pauses = [next_step(PostOutcome(LOCAL_FAILURES[0]), claimed(1, age), DELAYS).retry_in for age in ages]

    assert pauses == sorted(pause for pause in pauses if pause is not None)
    assert pauses[0] is not None
    assert pauses[0] >= timedelta(seconds=30)
    assert pauses[2] is not None
    assert pauses[2] <= timedelta(minutes=33)


@pytest.mark.parametrize(
    ("outcome", "works"),
    [
        (PostOutcome(OutcomeKind.DELIVERED, status_code=204), True),
        (answered(500), False),
        (PostOutcome(OutcomeKind.TIMEOUT), False),
        (answered(410), None),
        (answered(413), None),
        (PostOutcome(OutcomeKind.REFUSED_ADDRESS), None),
        *((PostOutcome(kind), None) for kind in LOCAL_FAILURES),
    ],
)
def test_only_what_the_host_did_is_held_against_it(outcome: PostOutcome, works: bool | None) -> None:
    assert next_step(outcome, claimed(), DELAYS).host_reachable is works


def test_what_nobody_wants_any_more_ends_at_once_and_tells_nothing_of_the_host() -> None:
    step = next_step(PostOutcome(OutcomeKind.USER_DELETED), claimed(), DELAYS)

    assert (step.status, step.uses_attempt, step.host_reachable) == (DeliveryStatus.FAILED, True, None)


@pytest.mark.parametrize(
    ("outcome", "failed"),
    [
        (PostOutcome(OutcomeKind.DELIVERED, status_code=200), False),
        (answered(500), True),
        (answered(410), True),
        (answered(413), True),
        (PostOutcome(OutcomeKind.TIMEOUT), True),
        (PostOutcome(OutcomeKind.NAME_NOT_FOUND), True),
        (PostOutcome(OutcomeKind.REFUSED_ADDRESS), True),
        (PostOutcome(OutcomeKind.USER_DELETED), None),
        (PostOutcome(OutcomeKind.ENDPOINT_DELETED), None),
        (PostOutcome(OutcomeKind.ENDPOINT_DISABLED), None),
        *[(PostOutcome(kind), None) for kind in LOCAL_FAILURES],
    ],
)
@pytest.mark.parametrize("attempt", [1, 4])
@pytest.mark.parametrize("patience", [timedelta(0), LOCAL_FAILURE_PATIENCE])
def test_an_endpoint_is_judged_by_what_it_did(
    outcome: PostOutcome, failed: bool | None, attempt: int, patience: timedelta
) -> None:
    assert next_step(outcome, claimed(attempt, patience), DELAYS).receiver_failed is failed


def test_a_delivery_to_an_endpoint_that_is_gone_alerts_nobody() -> None:
    off = next_step(PostOutcome(OutcomeKind.ENDPOINT_DISABLED), claimed(), DELAYS)
    deleted = next_step(PostOutcome(OutcomeKind.ENDPOINT_DELETED), claimed(), DELAYS)

    assert (off.status, off.alerts, off.retry_in) == (DeliveryStatus.FAILED, False, None)
    assert (deleted.status, deleted.retry_in) == (DeliveryStatus.CANCELLED, None)
