"""The two links to a stored document: one to the bucket, which expires, and one to this API, which does not."""

from datetime import datetime

from service.domain.content_types import content_type
from service.domain.documents import Document
from service.domain.file_names import download_name
from service.domain.storage_keys import case_of
from service.storage.object_store import ObjectStore


class DocumentLinks:
    """Makes links. `public_url`: where clients reach this service, without a slash at the end."""

    def __init__(self, store: ObjectStore, public_url: str) -> None:
        self._store = store
        self._public_url = public_url

    async def expiry(self) -> datetime:
        """When a link that is signed now expires. Raises `StorageError`."""
        return await self._store.link_expiry()

    async def signed(self, document: Document) -> str | None:
        """A new link that downloads the stored file under the document's name. None: there is no file.

        Raises `StorageError`.
        """
        if document.storage_key is None or document.mime_type is None:
            return None
        name = download_name(document.name, document.mime_type)
        return await self._store.link(document.storage_key, name, content_type(document.mime_type, document.charset))

    def lasting(self, document: Document) -> str | None:
        """The URL of this API that redirects to a new signed link. None: there is no file."""
        number = None if document.storage_key is None else case_of(document.storage_key)
        if number is None:
            return None
        return f"{self._public_url}/api/v1/processes/{number.masked}/documents/{document.id}/content"
