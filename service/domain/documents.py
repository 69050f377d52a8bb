"""A document as the service keeps it."""

from datetime import datetime
from enum import Enum, auto
from uuid import UUID

import msgspec

from service.domain.listings import Copy
from service.domain.statuses import DocumentStatus


class StoredFile(msgspec.Struct, frozen=True):
    """Verified bytes in the object store."""

    key: str
    size: int
    sha256: str  #: lower-case hexadecimal
    mime_type: str
    size_mismatch: bool = False  #: not of the size that the portal lists, time after time


class Document(msgspec.Struct, frozen=True, gc=False):
    """One document of a process, as clients see it. Its file, if any, outlives a later attempt that fails.

    A case may have thousands, none of which can be part of a cycle: the garbage collector need not look at them.
    """

    id: UUID
    uuid: str
    instance: str
    sequence: int | None
    name: str
    type: str
    secrecy: str
    filed_at: datetime | None
    page_count: int | None
    declared_size: int | None
    declared_mime_type: str | None
    status: DocumentStatus
    storage_key: str | None
    size: int | None
    sha256: str | None
    mime_type: str | None
    size_mismatch: bool
    attempts: int
    error_code: str | None
    error_message: str | None
    started_at: datetime | None
    completed_at: datetime | None

    @property
    def outdated(self) -> bool:
        """The portal has a newer content, which could not be fetched; the file is the one before."""
        return self.status is DocumentStatus.AVAILABLE and self.error_code is not None

    @property
    def failed(self) -> bool:
        """Given up on, or kept in an older version."""
        return self.status is DocumentStatus.FAILED or self.outdated

    @property
    def settled(self) -> bool:
        """No job works on it, or will."""
        return self.status in {DocumentStatus.AVAILABLE, DocumentStatus.FAILED}


class Task(msgspec.Struct, frozen=True):
    """What a worker needs to download one document."""

    id: UUID
    name: str
    declared_size: int | None
    declared_mime_type: str | None
    copies: tuple[Copy, ...]
    revision: int  #: of the content that this task is for


class Written(Enum):
    """What became of a worker's word on one document."""

    YES = auto()
    SUPERSEDED = auto()  #: nothing was written: the portal lists another content by now, or somebody else ended it
    LEASE_LOST = auto()  #: nothing was written
