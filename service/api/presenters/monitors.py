"""A monitor as its owner sees it."""

from datetime import UTC
from typing import Annotated

import msgspec
from msgspec import Meta

from service.api.presenters.documents import FailureCode
from service.api.presenters.timestamps import Timestamp, to_utc
from service.domain.monitoring.monitors import Monitor, MonitorStatus
from service.domain.process_number import ProcessNumber


class MonitorView(msgspec.Struct, frozen=True):
    """A case that its owner watches."""

    process_number: Annotated[str, Meta(description="The case number, masked.")]
    every_seconds: Annotated[int, Meta(description="The interval between two checks, as it was asked for.")]
    webhook_url: Annotated[str | None, Meta(description="Where `process.updated` is sent, beside your endpoints.")]
    description: Annotated[str | None, Meta(description="What its owner calls it.")]
    status: Annotated[MonitorStatus, Meta(description="Whether the checks succeed.")]
    created_at: Annotated[Timestamp, Meta(description="When it was made.")]
    last_checked_at: Annotated[
        Timestamp | None, Meta(description="When the portal last listed the case for a check; null before the first.")
    ]
    last_changed_at: Annotated[
        Timestamp | None, Meta(description="When a change was last told to its owner; null if none was.")
    ]
    next_check_at: Annotated[
        Timestamp, Meta(description="When the next check is due; it may begin later, after other work.")
    ]
    consecutive_failures: Annotated[int, Meta(description="Checks that failed since the last one that succeeded.")]
    last_error_code: Annotated[FailureCode | None, Meta(description="Why the last check failed; null if it did not.")]


def monitor_view(row: Monitor) -> MonitorView:
    """A monitor as its owner sees it."""
    return MonitorView(
        process_number=ProcessNumber(row.process_number).masked,
        every_seconds=int(row.every.total_seconds()),
        webhook_url=row.webhook_url,
        description=row.description,
        status=row.status,
        created_at=row.created_at.astimezone(UTC),
        last_checked_at=to_utc(row.last_checked_at),
        last_changed_at=to_utc(row.last_changed_at),
        next_check_at=row.next_check_at.astimezone(UTC),
        consecutive_failures=row.consecutive_failures,
        last_error_code=row.last_error_code,
    )
