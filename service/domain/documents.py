"""A document as the service keeps it."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from service.domain.listings import Copy
from service.domain.statuses import DocumentStatus


class ContentFlag(StrEnum):
    """How the bytes that the court has differ from what the portal lists. New ones may join."""

    SIZE_MISMATCH = "size_mismatch"  #: of another size than the listed one, time after time
    TYPE_MISMATCH = "type_mismatch"  #: of another kind than the listed one, or than the one of its name
    EMPTY = "empty"  #: no bytes, time after time
    CHANGES_EACH_TIME = "changes_each_time"  #: made anew for each request: another download has other bytes


#: As clients see them. Texts and no enumeration: a client that was made before a word was added shall not stumble.
ContentFlags = Annotated[
    Sequence[str],
    Meta(
        description="How the stored file differs from what the portal lists; empty where it does not. The bytes are "
        f"those that the court has. New words may join: {', '.join(ContentFlag)}.",
        examples=[["size_mismatch"]],
    ),
]
Charset = Annotated[
    str, Meta(description="Of a stored text, as the portal says; its bytes may say otherwise.", examples=["UTF-8"])
]


class StoredFile(msgspec.Struct, frozen=True):
    """Verified bytes in the object store."""

    key: str
    size: int
    sha256: str  #: lower-case hexadecimal
    mime_type: str
    content_flags: tuple[ContentFlag, ...] = ()
    crc32: int | None = None  #: None for files of earlier versions
    charset: str | None = None  #: what the portal says of a text


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
    content_flags: tuple[str, ...] = ()
    crc32: int | None = None  #: None for files of earlier versions
    charset: str | None = None  #: what the portal says of a text

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
