"""The next state of a delivery after an attempt, decided only from the attempt, the delivery and the schedule."""

import random
from datetime import timedelta

from service.domain.deliveries import ClaimedDelivery, NextStep
from service.domain.statuses import DeliveryStatus
from service.webhooks.outcome import OutcomeKind, PostOutcome

JITTER = 0.1  # of the delay; it is only added, never subtracted
WEBHOOK_RETRY_AFTER_MAX = timedelta(hours=10)
LOCAL_FAILURE_DELAY = timedelta(seconds=30)
LOCAL_FAILURE_DELAY_MAX = timedelta(minutes=30)
#: Faults of this service that last longer use up attempts, so that every delivery ends.
LOCAL_FAILURE_PATIENCE = timedelta(days=3)

_GONE, _TOO_LARGE = 410, 413
#: No request was sent to the host.
_UNWANTED = frozenset({OutcomeKind.USER_DELETED, OutcomeKind.ENDPOINT_DELETED, OutcomeKind.ENDPOINT_DISABLED})
_NOT_ASKED = _UNWANTED | {OutcomeKind.REFUSED_ADDRESS}
_SLOW_DOWN = frozenset({429, 503})


def next_step(outcome: PostOutcome, delivery: ClaimedDelivery, delays: tuple[timedelta, ...]) -> NextStep:
    """`delays` are the pauses before the second attempt and each later one."""
    if outcome.is_delivered:
        return NextStep(DeliveryStatus.DELIVERED, host_reachable=True, receiver_failed=False)
    if outcome.kind in _UNWANTED:
        return _unwanted(outcome.kind)
    if outcome.is_local_failure and delivery.local_failure_for < LOCAL_FAILURE_PATIENCE:
        delay = min(max(delivery.local_failure_for / 4, LOCAL_FAILURE_DELAY), LOCAL_FAILURE_DELAY_MAX)
        return NextStep(DeliveryStatus.SCHEDULED, _jittered(delay), local_failure=True, uses_attempt=False)
    local_failure, host_reachable = outcome.is_local_failure, _is_reachable(outcome)
    receiver_failed = None if local_failure else True
    if outcome.status_code == _GONE or delivery.attempt > len(delays):
        return NextStep(
            DeliveryStatus.FAILED,
            local_failure=local_failure,
            host_reachable=host_reachable,
            receiver_failed=receiver_failed,
        )
    delay = _jittered(delays[delivery.attempt - 1])
    if outcome.status_code in _SLOW_DOWN:
        delay = max(delay, _asked_for(outcome))
    return NextStep(
        DeliveryStatus.SCHEDULED,
        delay,
        without_documents=outcome.status_code == _TOO_LARGE,
        local_failure=local_failure,
        host_reachable=host_reachable,
        receiver_failed=receiver_failed,
    )


def _unwanted(kind: OutcomeKind) -> NextStep:
    """End a delivery without a request. One to an endpoint that is switched off can be recovered."""
    if kind is OutcomeKind.ENDPOINT_DELETED:
        return NextStep(DeliveryStatus.CANCELLED)
    return NextStep(DeliveryStatus.FAILED, alerts=kind is not OutcomeKind.ENDPOINT_DISABLED)


def _jittered(delay: timedelta) -> timedelta:
    return delay * random.uniform(1.0, 1.0 + JITTER)  # noqa: S311  (spreads load, hides nothing)


def _asked_for(outcome: PostOutcome) -> timedelta:
    seconds = min(outcome.retry_after_seconds or 0, WEBHOOK_RETRY_AFTER_MAX.total_seconds())
    return timedelta(seconds=seconds)


def _is_reachable(outcome: PostOutcome) -> bool | None:
    """False if the host failed. None if no request was sent, or the response is only about this delivery."""
    if outcome.is_local_failure or outcome.kind in _NOT_ASKED:
        return None
    return None if outcome.status_code in {_GONE, _TOO_LARGE} else False
