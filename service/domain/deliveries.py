"""The delivery of one event to one subscriber."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service.domain.described.enums import DescribedEnum
from service.domain.statuses import DeliveryStatus

#: Attempts of one user that may run at one host at once, over all workers. A host is a name or address with its port.
HOST_CONCURRENCY = 4
#: After this many failures in a row at a host, a user has only `USER_PROBES` slots there, until an attempt succeeds.
HOST_FAILURES = 5
USER_PROBES = 1
#: Attempts of all users that may run at one host at once: many users may share a receiver.
HOST_TOTAL = 20
#: How many of `HOST_TOTAL` may belong to users whose attempts keep failing. The rest stays free for the other users.
HOST_PROBES_TOTAL = 10


class EndpointEvent(DescribedEnum):
    """A type of event that an endpoint of an account may want."""

    COMPLETED = "process.completed", "a job ended, and every document of the case is available"
    FAILED = "process.failed", "a job ended, and at least one document is not available"
    CANCELLED = "process.cancelled", "a job was stopped"
    UPDATED = "process.updated", "a watched case has changed, or a job ended in a case with documents nobody asked for"
    EXPORT_COMPLETED = "export.completed", "an export is ready; no export sends it yet"
    EXPORT_FAILED = "export.failed", "an export failed; no export sends it yet"
    ALL = "*", "all types, also those that come later"


class DisabledReason(DescribedEnum):
    """Why an endpoint of an account is switched off."""

    FAILING = "failing", "the service has switched it off: its attempts have only failed for five days"
    REQUESTED = "requested", "its owner or an administrator has switched it off"


class ClaimedDelivery(msgspec.Struct, frozen=True):
    """A delivery that this worker holds the lease of: it makes the next attempt."""

    id: UUID
    event_id: UUID
    user_id: UUID
    url: str
    host: str
    attempt: int  #: of the schedule, 1 for the first
    number: int  #: of the attempt among all attempts, 1 for the first; resends that a person requested count too
    without_documents: bool  #: leave the documents out, because the subscriber answered 413
    lease: UUID
    local_failure_for: timedelta  #: how long faults of this service may have delayed the attempt
    resend_at: datetime | None  #: when a person requested this attempt; only its success changes the schedule
    process_number: str  #: 20 digits
    job_id: UUID | None  #: None for an event that needed no job
    request_id: str | None  #: of the request that the job was made for
    endpoint_id: UUID | None = None  #: an endpoint of the user's account that gets it, alone or beside a request
    endpoint_only: bool = False  #: no request named the URL

    @property
    def message_id(self) -> str:
        """The `webhook-id`: one per event and subscriber, the same on every attempt."""
        return message_id(self.id)


def message_id(delivery_id: UUID) -> str:
    """The `webhook-id` of a delivery."""
    return f"msg_{delivery_id.hex}"


class Attempt(msgspec.Struct, frozen=True):
    """The result of one POST."""

    started_at: datetime
    duration_ms: int
    outcome: str
    status_code: int | None
    answer: str | None  #: at most 1 KiB of the subscriber's response body
    error: str | None


class NextStep(msgspec.Struct, frozen=True):
    """The next state of a delivery after an attempt. A resend that a person requested changes it only by success."""

    status: DeliveryStatus
    retry_in: timedelta | None = None  #: set if the delivery stays scheduled
    without_documents: bool = False
    local_failure: bool = False  #: the attempt failed because of this service
    uses_attempt: bool = True  #: whether it uses up an attempt of the schedule
    host_reachable: bool | None = None  #: None if the attempt says nothing about the host
    receiver_failed: bool | None = (
        None  #: for the endpoint's record; None if the attempt says nothing about the receiver
    )
    alerts: bool = True  #: False: no operator is told that the delivery failed


class DeliveryMessage(msgspec.Struct, frozen=True):
    """A message to enqueue for a delivery."""

    id: UUID
    attempt: int = 1
    enqueue_count: int = 0  #: makes the id of the message unique: arq drops a message whose id is queued
    after: timedelta | None = None  #: delay; None: now
    is_requested: bool = False  #: a person has asked for this attempt
    needs_probe: bool = False  #: the host keeps failing, and only a worker of the retry lane may call it

    @property
    def in_retry_lane(self) -> bool:
        """Whether the attempt must not delay first attempts and those that a person has asked for."""
        return self.needs_probe or (self.attempt > 1 and not self.is_requested)
