"""Every code and every status has words in both languages."""

import pytest

from service.console.languages.messages import MESSAGES
from service.console.views.case_heads import reason_key
from service.domain.deliveries import DisabledReason
from service.domain.errors import ErrorCode
from service.domain.monitoring.monitors import MonitorStatus
from service.domain.statuses import DeliveryStatus, DocumentStatus, JobStatus, ProcessStatus

KINDS = {
    "case": ProcessStatus,
    "document": DocumentStatus,
    "job": JobStatus,
    "delivery": DeliveryStatus,
    "monitor": MonitorStatus,
}


def test_every_reason_of_a_failure_is_a_sentence() -> None:
    assert {reason_key(code) for code in ErrorCode} <= set(MESSAGES)
    assert reason_key("a_code_of_later") == reason_key(None) == "reason.unknown"
    assert "reason.unknown" in MESSAGES


@pytest.mark.parametrize("kind", KINDS)
def test_every_status_has_a_word(kind: str) -> None:
    assert {f"status.{kind}.{each}" for each in KINDS[kind]} <= set(MESSAGES)


def test_every_reason_to_be_switched_off_has_words() -> None:
    assert {f"endpoints.disabled.{each}" for each in DisabledReason} <= set(MESSAGES)
