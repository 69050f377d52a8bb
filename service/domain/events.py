"""The content of a webhook, stored once per event. Links are not stored: each attempt signs new ones."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from service.domain.case_facts import CaseFacts, CaseMovement
from service.domain.documents import Document
from service.domain.statuses import DocumentStatus, ProcessStatus


class EventDocument(msgspec.Struct, frozen=True):
    """A document as it was when the event happened. Each attempt signs a link from `storage_key`."""

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


class AddedDocument(EventDocument, frozen=True):
    """A document that watchers of the case did not know yet, or not with this content."""

    replaced: bool = False  #: they know it with an older content


class CaseUpdate(msgspec.Struct, frozen=True):
    """What is new in a watched case. A list that would be too long is empty, and marked as truncated."""

    documents_added: tuple[AddedDocument, ...]
    movements_added: tuple[CaseMovement, ...]  #: the newest first
    documents_truncated: bool
    movements_truncated: bool
    checked_at: datetime  #: when the portal was asked


class EventBody(msgspec.Struct, frozen=True):
    """The part of the webhook that is the same in every attempt."""

    process_number: str  #: masked
    job_id: UUID | None
    status: ProcessStatus  #: of the case; pending if it has documents that no job was asked to download
    total_documents: int
    completed_documents: int
    failed_documents: int
    completed_at: datetime
    documents: tuple[EventDocument, ...]  #: empty in an update
    documents_truncated: bool
    process: CaseFacts | None = None  #: None: the event was written by a version that did not store it
    update: CaseUpdate | None = None  #: for watchers of the case; None: the event tells of a job or of a request


UPDATED = "process.updated"  #: the type of what watchers are told, and of a job that leaves documents unrequested


def event_type(status: ProcessStatus) -> str:
    """The type of an event for a case in this status."""
    return UPDATED if status is ProcessStatus.PENDING else f"process.{status}"


class Event(msgspec.Struct, frozen=True):
    """One event, the same for all of its subscribers."""

    type: str
    occurred_at: datetime
    body: EventBody


class Counts(msgspec.Struct, frozen=True):
    """How many documents of a process are available or failed. An outdated one counts as failed."""

    total: int
    completed: int
    failed: int

    @property
    def outstanding(self) -> int:
        """Pending or processing."""
        return self.total - self.completed - self.failed

    @property
    def progress_percentage(self) -> float:
        """The share of settled documents, 0 to 100 with one decimal, rounded down: 100 only if all are settled."""
        if not self.total:
            return 100.0
        return int(1000 * (self.completed + self.failed) / self.total) / 10


class Countable(Protocol):
    """A document, or an object with the two properties that `count` needs."""

    @property
    def settled(self) -> bool:
        """No job is working on it or is going to."""

    @property
    def failed(self) -> bool:
        """The last download failed. Implies `settled`."""


def count(documents: Collection[Countable]) -> Counts:
    """Count documents, all of one process."""
    failed = sum(d.failed for d in documents)
    settled = sum(d.settled for d in documents)
    return Counts(total=len(documents), completed=settled - failed, failed=failed)


def event_documents(documents: list[Document], *, limit: int) -> tuple[EventDocument, ...]:
    """The documents for an event's body. Empty if there are more than `limit`."""
    if len(documents) > limit:
        return ()
    names = EventDocument.__struct_fields__
    return tuple(EventDocument(**{name: getattr(document, name) for name in names}) for document in documents)
