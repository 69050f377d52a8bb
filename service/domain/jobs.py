"""A job: one request to download what a process lacks."""

from datetime import timedelta
from enum import IntEnum
from uuid import UUID

import msgspec

from service.domain.events import Counts
from service.domain.process_number import ProcessNumber
from service.domain.statuses import JobStatus


class Lane(IntEnum):
    """Of one user's jobs, those of the lowest lane go first."""

    SINGLE = 0  #: asked for by itself
    BATCH = 1  #: one of many, or asked for again


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
    lane: Lane = Lane.SINGLE
    user_id: UUID | None = None  #: in whose turn it was taken; None if that user was deleted
    documents: int = 1  #: that are outstanding, as far as they were counted


class Settlement(msgspec.Struct, frozen=True):
    """How a job ended, and the deliveries that its end made due."""

    status: JobStatus
    counts: Counts
    deliveries: tuple[UUID, ...]


class LeaseLost(Exception):
    """Somebody cancelled the job or took it over: whatever this worker does for it must stop."""
