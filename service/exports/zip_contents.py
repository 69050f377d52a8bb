"""The contents of an archive: the files of a case, each with a unique name, and a manifest that describes them."""

import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from service.domain.case_facts import CaseFacts
from service.domain.documents import Document, StoredFile
from service.domain.file_names import archived_name
from service.exports.movements_file import MovementsFile
from service.exports.stored_files import crc32_of, read_verified
from service.exports.zip_stream import Entry, Files, zip_size, zip_stream
from service.portal.case.values import BRASILIA
from service.storage.object_store import ObjectStore

MANIFEST_NAME = "manifest.json"
MOVEMENTS_NAME = "movements.json"
Remember = Callable[[str, int], Awaitable[None]]  # takes the key of a file and its CRC-32


class ManifestDocument(msgspec.Struct, frozen=True):
    """One document of the case, whether or not the archive has its file."""

    file: str | None  #: its name in the archive; null if the archive does not have it: `status` says why
    id: UUID
    uuid: str
    name: str  #: as the portal lists it
    type: str
    instance: str
    sequence: int | None
    filed_at: datetime | None
    status: str
    size: int | None  #: bytes
    sha256: str | None
    mime_type: str | None
    charset: str | None
    content_flags: Sequence[str]  #: how the file differs from what the portal lists
    listed_size: int | None  #: bytes
    listed_mime_type: str | None
    error_code: str | None
    error_message: str | None


class Manifest(CaseFacts, frozen=True):
    """The content of `manifest.json`: the case, and each of its documents."""

    created_at: datetime  #: when the archive was made
    total_documents: int
    archived_documents: int
    documents: list[ManifestDocument]


class Archive(msgspec.Struct, frozen=True):
    """An archive, ready to be streamed."""

    created_at: datetime
    manifest: bytes
    movements: MovementsFile
    files: Sequence[tuple[Entry, StoredFile]]

    @property
    def size(self) -> int:
        """Bytes of the ZIP file."""
        return zip_size([self.manifest_entry, *(entry for entry, _ in self.files), self.movements_entry])

    @property
    def manifest_entry(self) -> Entry:
        """The first file of the archive."""
        return self._entry(MANIFEST_NAME, len(self.manifest), zlib.crc32(self.manifest))

    @property
    def movements_entry(self) -> Entry:
        """The last file of the archive: the documents keep the places that they had before there was one."""
        return self._entry(MOVEMENTS_NAME, self.movements.size, self.movements.crc32)

    def _entry(self, name: str, size: int, crc32: int) -> Entry:
        return Entry(name, size, self.created_at.astimezone(BRASILIA), crc32)

    def stream(self, store: ObjectStore, remember: Remember) -> AsyncGenerator[bytes, None]:
        """The ZIP file. Reads a document only after the one before was consumed. Raises `UnreadableFile`.

        Files of earlier versions have no stored CRC-32, which an entry begins with. They are read twice, and
        `remember` is called with the result.
        """
        return zip_stream(self._contents(store, remember))

    async def _contents(self, store: ObjectStore, remember: Remember) -> Files:
        yield self.manifest_entry, _once(self.manifest)
        for entry, file in self.files:
            crc32 = file.crc32
            if crc32 is None:
                crc32 = await crc32_of(store, file)
                await remember(file.key, crc32)
            yield msgspec.structs.replace(entry, crc32=crc32), read_verified(store, file)
        yield self.movements_entry, self.movements.read()


async def _once(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


def archive_of(facts: CaseFacts, movements: MovementsFile, found: Sequence[Document]) -> Archive:
    """Number each file by its document's position in the case, counted over all documents, also those without a file.

    So a document that becomes available later does not rename the others.
    """
    digits = max(4, len(str(len(found))))
    listed: list[ManifestDocument] = []
    files: list[tuple[Entry, StoredFile]] = []
    for place, document in enumerate(found, 1):
        file, name = _stored_file(document), None
        if file is not None:
            name = archived_name(document.name, file.mime_type, place, digits)
            files.append((Entry(name, file.size, _shown_time(document)), file))
        listed.append(_listed(document, name))
    created_at = datetime.now(UTC).replace(microsecond=0)
    return Archive(created_at, _manifest(facts, created_at, listed), movements, files)


def _stored_file(document: Document) -> StoredFile | None:
    key, size, sha256, mime_type = document.storage_key, document.size, document.sha256, document.mime_type
    if key is None or size is None or sha256 is None or mime_type is None:
        return None
    return StoredFile(key, size, sha256, mime_type, crc32=document.crc32)


def _shown_time(document: Document) -> datetime:
    """When it was filed, else when it was downloaded, in Brasilia time."""
    moment = document.filed_at or document.completed_at or datetime.fromtimestamp(0, UTC)
    # Some systems write "never" as the first day of the calendar, which cannot be converted to Brasilia time.
    return max(moment, datetime.fromtimestamp(0, UTC)).astimezone(BRASILIA)


def _listed(document: Document, name: str | None) -> ManifestDocument:
    return ManifestDocument(
        file=name,
        id=document.id,
        uuid=document.uuid,
        name=document.name,
        type=document.type,
        instance=document.instance,
        sequence=document.sequence,
        filed_at=document.filed_at,
        status=document.status,
        size=document.size,
        sha256=document.sha256,
        mime_type=document.mime_type,
        charset=document.charset,
        content_flags=document.content_flags,
        listed_size=document.declared_size,
        listed_mime_type=document.declared_mime_type,
        error_code=document.error_code,
        error_message=document.error_message,
    )


def _manifest(facts: CaseFacts, created_at: datetime, listed: list[ManifestDocument]) -> bytes:
    manifest = Manifest(
        **msgspec.structs.asdict(facts),
        created_at=created_at,
        total_documents=len(listed),
        archived_documents=sum(each.file is not None for each in listed),
        documents=listed,
    )
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2)
