"""Views of jobs and webhooks."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from service.api.webhook_tests import SentView
from service.console.pages.deliveries import DeliveriesView, DeliveryView, view_of
from service.console.pages.endpoints import EndpointsView, EndpointView
from service.console.pages.jobs import JobsView
from service.console.pages.monitors import MonitorLine, MonitorsView
from service.console.pages.recovery import RecoveryView
from service.console.pages.webhook_tools import SecretView, TryView
from service.console.views.deliveries import DeliveryLine, delivery_line
from service.console.views.jobs import JobLine, job_line
from service.console.views.lists import Tab
from service.console.views.webhook_tabs import webhook_tabs
from service.database.deliveries.delivery_history import AttemptRow, DeliveryRow
from service.database.deliveries.endpoint_list import EndpointRow
from service.database.jobs.job_history import JobRow
from service.domain.deliveries import DisabledReason, EndpointEvent
from service.domain.monitoring.monitors import MonitorStatus
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


def deliveries_view(text: str, **changes: Any) -> DeliveriesView:
    """A list of deliveries."""
    whole = DeliveriesView(
        tabs=webhook_tabs("deliveries"),
        lines=delivery_lines(text),
        status="failed",
        statuses=list(DeliveryStatus),
        host=text,
        number=text,
        is_filtered=True,
        first_path="/console/webhooks",
        next_path="/console/webhooks?cursor=x",
    )
    return msgspec.structs.replace(whole, **changes)


def delivery_view(text: str, status: DeliveryStatus, attempts: list[AttemptRow]) -> DeliveryView:
    """One delivery."""
    row = delivery_row(text, status)
    return msgspec.structs.replace(view_of(row, attempts), webhook_id=text)


def attempts(text: str) -> list[AttemptRow]:
    """An attempt that was answered, one that was not, and one that succeeded."""
    return [
        AttemptRow(ID, 1, MOMENT, 12, "status", 500, text, text),
        AttemptRow(ID, 2, MOMENT, 12, text, None, None, text),
        AttemptRow(ID, 3, MOMENT, 12, "delivered", 200, text, None),
    ]


def monitor_line(text: str, **changes: Any) -> MonitorLine:
    """A monitor that fails."""
    whole = MonitorLine(
        number="0000123-06.2023.4.03.6100",
        case_path="/console/cases/0000123-06.2023.4.03.6100",
        description=text,
        status=MonitorStatus.FAILING,
        every=timedelta(hours=6),
        next_check_at=MOMENT,
        last_checked_at=MOMENT,
        last_changed_at=MOMENT,
        failures=3,
        reason_key="reason.portal_unavailable",
    )
    return msgspec.structs.replace(whole, **changes)


def endpoint_row(text: str, **changes: Any) -> EndpointRow:
    """An endpoint that works."""
    whole = EndpointRow(ID, ID, text, ["*", "process.failed"], text, MOMENT, None, None, None, text)
    return msgspec.structs.replace(whole, **changes)


def endpoint_views(text: str) -> Mapping[str, list[object]]:
    """The views of endpoints."""
    tabs, path = webhook_tabs("endpoints"), f"/console/webhooks/endpoints/{ID}"
    off = endpoint_row(text, disabled_reason=DisabledReason.FAILING, disabled_at=MOMENT, failing_since=MOMENT)
    asked = endpoint_row(text, disabled_reason=DisabledReason.REQUESTED, description=None, last_error=None)
    rows, events = [endpoint_row(text), endpoint_row(text, failing_since=MOMENT), off, asked], list(EndpointEvent)
    sent = SentView(False, text, 500, 12, text, text)
    return {
        "endpoints.html": [
            EndpointsView(tabs, rows, events, path, path, text, text),
            EndpointsView(tabs, [], events, None, None),
        ],
        "endpoint.html": [
            EndpointView(tabs, rows[0], path, True, [text, text], sent),
            EndpointView(tabs, off, path, True, []),
            EndpointView(tabs, asked, path, False, []),
        ],
    }


def work_views(text: str) -> Mapping[str, list[object]]:
    """The views of each template, so that every branch of it is rendered. `text` stands wherever somebody may write."""
    tabs = [Tab("jobs.now", "/console/jobs", is_current=True)]
    new = monitor_line(text, description=None, last_checked_at=None, last_changed_at=None, failures=0, reason_key=None)
    failed, sent = SentView(False, text, 500, 12, text, text), SentView(True, text, 200, None, None, None)
    hooks = webhook_tabs("recover")
    return {
        **endpoint_views(text),
        "jobs.html": [
            JobsView(tabs, None, job_lines(text), job_lines(text), "/console/jobs", "/console/jobs?cursor=x"),
            JobsView(tabs, None, [], [], None, None),
            JobsView(tabs, "failed", [], job_lines(text), None, None),
            JobsView(tabs, "cancelled", [], [], None, None),
        ],
        "deliveries.html": [
            deliveries_view(text),
            deliveries_view(text, lines=[]),
            deliveries_view(text, lines=[], is_filtered=False),
        ],
        "delivery.html": [
            delivery_view(text, DeliveryStatus.SCHEDULED, attempts(text)),
            delivery_view(text, DeliveryStatus.DELIVERED, []),
        ],
        "recovery.html": [
            RecoveryView(hooks, text, True, None, False),
            RecoveryView(hooks, text, False, 0, False),
            RecoveryView(hooks, text, False, 1, False),
            RecoveryView(hooks, text, False, 10_000, True),
        ],
        "webhook_secret.html": [SecretView(hooks, False, None, ()), SecretView(hooks, True, text, [text])],
        "webhook_test.html": [
            TryView(hooks),
            TryView(hooks, text, text),
            TryView(hooks, text, None, failed),
            TryView(hooks, text, None, sent),
        ],
        "monitors.html": [
            MonitorsView([monitor_line(text), new], "/console/monitors", "/console/monitors?cursor=x"),
            MonitorsView([], None, None),
        ],
    }
