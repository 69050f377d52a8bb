"""What a subscriber is told when a job ends: kept once per event, but for the links."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from service.domain.documents import Document
from service.domain.statuses import DocumentStatus, ProcessStatus


class EventDocument(msgspec.Struct, frozen=True):
    """A document as it was when the event happened. A link is made from its key for each attempt."""

    id: UUID
    uuid: str
    name: str
    type: str
    status: DocumentStatus
    size: int | None
    mime_type: str | None
    sha256: str | None
    storage_key: str | None
    error_code: str | None
    error_message: str | None
    content_flags: Sequence[str] = ()
    declared_size: int | None = None
    declared_mime_type: str | None = None
    charset: str | None = None


class EventBody(msgspec.Struct, frozen=True):
    """The part of the webhook that never changes between attempts."""

    process_number: str  #: masked
    job_id: UUID | None
    status: ProcessStatus  #: of the case; pending if documents are left that were not requested
    total_documents: int
    completed_documents: int
    failed_documents: int
    completed_at: datetime
    documents: tuple[EventDocument, ...]
    documents_truncated: bool


def event_type(status: ProcessStatus) -> str:
    """The type of the event of a case that stands there."""
    return "process.updated" if status is ProcessStatus.PENDING else f"process.{status}"


class Event(msgspec.Struct, frozen=True):
    """One event, ready to be sent to any of its subscribers."""

    type: str
    occurred_at: datetime
    body: EventBody


class Counts(msgspec.Struct, frozen=True):
    """How many documents of a process stand where. An outdated one counts as failed."""

    total: int
    completed: int
    failed: int

    @property
    def outstanding(self) -> int:
        """Pending or processing."""
        return self.total - self.completed - self.failed

    @property
    def progress_percentage(self) -> float:
        """Settled documents of all, 0 to 100 with one decimal; 100 only when all are."""
        if not self.total:
            return 100.0
        return int(1000 * (self.completed + self.failed) / self.total) / 10


class Countable(Protocol):
    """A document, or the little that is remembered of one."""

    @property
    def settled(self) -> bool:
        """No job works on it, or will."""

    @property
    def failed(self) -> bool:
        """Given up on, or kept in an older version: settled, and not as wanted."""


def count(documents: Collection[Countable]) -> Counts:
    """Count the documents of one process."""
    failed = sum(d.failed for d in documents)
    settled = sum(d.settled for d in documents)
    return Counts(total=len(documents), completed=settled - failed, failed=failed)


def event_documents(documents: list[Document], *, limit: int) -> tuple[EventDocument, ...]:
    """The documents for an event's body; none at all where they are more than `limit`."""
    if len(documents) > limit:
        return ()
    names = EventDocument.__struct_fields__
    return tuple(EventDocument(**{name: getattr(document, name) for name in names}) for document in documents)
