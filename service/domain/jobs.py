"""A job: it downloads the documents that a process lacks."""

from datetime import timedelta
from enum import IntEnum
from uuid import UUID

import msgspec

from service.domain.events import Counts
from service.domain.process_number import ProcessNumber
from service.domain.statuses import JobStatus


class Lane(IntEnum):
    """Among the jobs of one user, those of the lowest lane are claimed first."""

    SINGLE = 0  #: requested alone
    BATCH = 1  #: requested in bulk, or a retry
    CHECK = 2  #: a check of a watched case; no job is in it, only requests at the portal


class ClaimedJob(msgspec.Struct, frozen=True):
    """A job whose lease this worker holds."""

    id: UUID
    number: ProcessNumber
    lease: UUID
    refresh: bool  #: the listing must be fetched from the portal first
    request_id: str
    listing_failures: int
    age: timedelta  #: since the request
    is_first: bool  #: no worker has claimed it before
    lane: Lane = Lane.SINGLE
    user_id: UUID | None = None  #: the user whose turn it was; None if that user was deleted
    documents: int = 1  #: outstanding ones, counted up to a limit, at least 1


class Settlement(msgspec.Struct, frozen=True):
    """The result of ending a job, and the deliveries that became due."""

    status: JobStatus
    counts: Counts
    deliveries: tuple[UUID, ...]
