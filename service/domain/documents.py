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
    """How the bytes that the court has differ from what the portal lists. Later versions may add flags."""

    SIZE_MISMATCH = "size_mismatch"  #: repeated downloads have another size than the listed one
    TYPE_MISMATCH = "type_mismatch"  #: another type than the listed one, or than the name's extension says
    EMPTY = "empty"  #: repeated downloads have no bytes
    NO_END = "no_end"  #: repeated downloads lack the end that files of this type have: the court's file may be cut
    CHANGES_EACH_TIME = "changes_each_time"  #: the portal generates it for each request: each download has other bytes


#: As clients see them. Strings and not an enumeration, so that new flags do not break generated clients.
ContentFlags = Annotated[
    Sequence[str],
    Meta(
        description="How the stored file differs from what the portal lists; empty if it does not. The bytes are "
        f"those that the court has. New words may be added: {', '.join(ContentFlag)}.",
        examples=[["size_mismatch"]],
    ),
]
Charset = Annotated[
    str,
    Meta(
        description="The charset of a stored text, as the portal says; its bytes may say otherwise.", examples=["UTF-8"]
    ),
]


class StoredFile(msgspec.Struct, frozen=True):
    """Verified bytes in the object store."""

    key: str
    size: int
    sha256: str  #: lower-case hexadecimal
    mime_type: str
    content_flags: tuple[ContentFlag, ...] = ()
    crc32: int | None = None  #: None for files of earlier versions
    charset: str | None = None  #: of a text, as the portal says


class Document(msgspec.Struct, frozen=True, gc=False):
    """One document of a process. Its file, if any, stays when a later download fails.

    `gc=False`: a case may have thousands, and none can be part of a reference cycle.
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
    charset: str | None = None  #: of a text, as the portal says

    @property
    def outdated(self) -> bool:
        """The stored file is an older version: the newer one could not be downloaded."""
        return self.status is DocumentStatus.AVAILABLE and self.error_code is not None

    @property
    def failed(self) -> bool:
        """The last download failed. An older file may still be available."""
        return self.status is DocumentStatus.FAILED or self.outdated

    @property
    def settled(self) -> bool:
        """No job is working on it or is going to."""
        return self.status in {DocumentStatus.AVAILABLE, DocumentStatus.FAILED}


class Task(msgspec.Struct, frozen=True):
    """What a worker needs to download one document."""

    id: UUID
    name: str
    declared_size: int | None
    declared_mime_type: str | None
    copies: tuple[Copy, ...]
    revision: int  #: of the document's content when the task was read


class Written(Enum):
    """Whether a worker's result for one document was written."""

    YES = auto()
    SUPERSEDED = auto()  #: nothing was written: the portal lists newer content, or the document has already ended
    LEASE_LOST = auto()  #: nothing was written
