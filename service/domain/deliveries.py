"""The delivery of one event to one subscriber."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service.domain.statuses import DeliveryStatus


class ClaimedDelivery(msgspec.Struct, frozen=True):
    """A delivery whose next attempt is this worker's to make."""

    id: UUID
    event_id: UUID
    user_id: UUID
    url: str
    attempt: int  #: 1 for the first
    thin: bool  #: leave the documents out: the subscriber answered 413
    lease: UUID

    @property
    def message_id(self) -> str:
        """The `webhook-id`: one per event and subscriber, the same on every attempt."""
        return f"msg_{self.id.hex}"


class Attempt(msgspec.Struct, frozen=True):
    """What came of one POST."""

    started_at: datetime
    duration_ms: int
    outcome: str
    status_code: int | None
    answer: str | None  #: at most 1 KiB of what the subscriber answered
    error: str | None


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of a delivery after an attempt."""

    status: DeliveryStatus
    retry_in: timedelta | None = None  #: set when it stays scheduled
    thin: bool = False
    counts: bool = True  #: False for faults of our own side, which use up no attempt
