"""A job: one request to download what a process lacks."""

from datetime import timedelta
from uuid import UUID

import msgspec

from service.domain.events import Counts
from service.domain.process_number import ProcessNumber
from service.domain.statuses import JobStatus


class ClaimedJob(msgspec.Struct, frozen=True):
    """A job that this worker holds the lease of."""

    id: UUID
    number: ProcessNumber
    lease: UUID
    refresh: bool  #: the portal has to be asked for the listing first
    request_id: str
    listing_failures: int
    age: timedelta  #: since the request
    is_first: bool  #: no worker had it before


class Settlement(msgspec.Struct, frozen=True):
    """How a job ended, and the deliveries that its end made due."""

    status: JobStatus
    counts: Counts
    deliveries: tuple[UUID, ...]


class LeaseLost(Exception):
    """Somebody cancelled the job or took it over: whatever this worker does for it must stop."""
