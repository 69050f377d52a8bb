"""The delivery of one event to one subscriber."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service.domain.statuses import DeliveryStatus

#: Attempts of one user under way at one host, over all workers. A host is a name or address with its port.
HOST_CONCURRENCY = 4
#: After so many failures in a row of one user at a host this user has `USER_PROBES` places there, until one succeeds.
HOST_FAILURES = 5
USER_PROBES = 1
#: Attempts of all users under way at one host: many may share a receiver.
HOST_TOTAL = 20
#: Those among them of users whose attempts keep failing: the others find a place beside them.
HOST_PROBES_TOTAL = 10


class ClaimedDelivery(msgspec.Struct, frozen=True):
    """A delivery whose next attempt is this worker's to make."""

    id: UUID
    event_id: UUID
    user_id: UUID
    url: str
    host: str
    attempt: int  #: of the schedule, 1 for the first
    number: int  #: among all attempts ever made, 1 for the first: those that a person asked for count too
    thin: bool  #: leave the documents out: the subscriber answered 413
    lease: UUID
    own_fault_for: timedelta  #: how long faults of this service may have kept the attempt from being made
    resend_at: datetime | None  #: when a person asked for this attempt; the schedule is not touched by it
    process_number: str  #: 20 digits
    job_id: UUID | None  #: None for an event that needed no job
    request_id: str | None  #: of the request that the job was made for

    @property
    def message_id(self) -> str:
        """The `webhook-id`: one per event and subscriber, the same on every attempt."""
        return message_id(self.id)


def message_id(delivery_id: UUID) -> str:
    """The `webhook-id` of a delivery."""
    return f"msg_{delivery_id.hex}"


class Attempt(msgspec.Struct, frozen=True):
    """What came of one POST."""

    started_at: datetime
    duration_ms: int
    outcome: str
    status_code: int | None
    answer: str | None  #: at most 1 KiB of what the subscriber answered
    error: str | None


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of a delivery after an attempt. One that a person asked for is only ever closed by success."""

    status: DeliveryStatus
    retry_in: timedelta | None = None  #: set when it stays scheduled
    thin: bool = False
    own_fault: bool = False  #: this service kept the attempt from being made
    counts: bool = True  #: False where no attempt is used up
    host_works: bool | None = None  #: None where the attempt says nothing about the host


class Ring(msgspec.Struct, frozen=True):
    """A bell to ring: `rings` makes its name one that no other bell had."""

    id: UUID
    attempt: int
    rings: int
    after: timedelta | None = None  #: None: now
