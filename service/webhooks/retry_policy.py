"""The next state of a delivery after an attempt, decided only from the attempt, the delivery and the schedule."""

import random
from datetime import timedelta

from service.domain.deliveries import ClaimedDelivery, Verdict
from service.domain.statuses import DeliveryStatus
from service.webhooks.outcome import OutcomeKind, PostOutcome

JITTER = 0.1  # of the delay; it is only added, never subtracted
WEBHOOK_RETRY_AFTER_MAX = timedelta(hours=10)
OWN_FAULT_DELAY = timedelta(seconds=30)
OWN_FAULT_DELAY_MAX = timedelta(minutes=30)
#: Faults of this service that last longer use up attempts, so that every delivery ends.
OWN_FAULT_PATIENCE = timedelta(days=3)

_GONE, _TOO_LARGE = 410, 413
#: No request was sent to the host.
_NOT_ASKED = frozenset({OutcomeKind.REFUSED_ADDRESS, OutcomeKind.USER_DELETED})
_SLOW_DOWN = frozenset({429, 503})


def judge(outcome: PostOutcome, delivery: ClaimedDelivery, delays: tuple[timedelta, ...]) -> Verdict:
    """`delays` are the pauses before the second attempt and each later one."""
    if outcome.is_delivered:
        return Verdict(DeliveryStatus.DELIVERED, host_works=True)
    if outcome.is_own_fault and delivery.own_fault_for < OWN_FAULT_PATIENCE:
        delay = min(max(delivery.own_fault_for / 4, OWN_FAULT_DELAY), OWN_FAULT_DELAY_MAX)
        return Verdict(DeliveryStatus.SCHEDULED, _jittered(delay), own_fault=True, counts=False)
    own_fault, host_works = outcome.is_own_fault, _tells_of_host(outcome)
    is_unwanted = outcome.status_code == _GONE or outcome.kind is OutcomeKind.USER_DELETED
    if is_unwanted or delivery.attempt > len(delays):
        return Verdict(DeliveryStatus.FAILED, own_fault=own_fault, host_works=host_works)
    delay = _jittered(delays[delivery.attempt - 1])
    if outcome.status_code in _SLOW_DOWN:
        delay = max(delay, _asked_for(outcome))
    return Verdict(
        DeliveryStatus.SCHEDULED,
        delay,
        thin=outcome.status_code == _TOO_LARGE,
        own_fault=own_fault,
        host_works=host_works,
    )


def _jittered(delay: timedelta) -> timedelta:
    return delay * random.uniform(1.0, 1.0 + JITTER)  # noqa: S311  (spreads load, hides nothing)


def _asked_for(outcome: PostOutcome) -> timedelta:
    seconds = min(outcome.retry_after_seconds or 0, WEBHOOK_RETRY_AFTER_MAX.total_seconds())
    return timedelta(seconds=seconds)


def _tells_of_host(outcome: PostOutcome) -> bool | None:
    """False if the host failed. None if no request was sent, or the response is only about this delivery."""
    if outcome.is_own_fault or outcome.kind in _NOT_ASKED:
        return None
    return None if outcome.status_code in {_GONE, _TOO_LARGE} else False
