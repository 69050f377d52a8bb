"""The body of a webhook, made anew for every attempt so that its links work."""

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from service.domain.events import Event, EventDocument
from service.domain.file_names import download_name


class LinkSigner(Protocol):
    """What is needed of the object store."""

    @property
    def link_ttl(self) -> int:
        """Seconds that a link lives."""
        ...

    async def link(self, key: str, name: str, mime_type: str) -> str:
        """A signed link that downloads under `name`."""
        ...


async def render(event: Event, signer: LinkSigner, *, public_url: str, thin: bool) -> bytes:
    """Everything but the links, and the moment they expire, is the same for every attempt.

    `thin` leaves the documents out. `public_url` is where this service's API is reached.
    """
    body = event.body
    process_url = f"{public_url}/api/v1/processes/{body.process_number}"
    values: dict[str, Any] = {"type": event.type, "timestamp": event.occurred_at}
    values |= msgspec.structs.asdict(body)
    values["documents"] = [await _document(each, signer, process_url) for each in body.documents if not thin]
    values["documents_truncated"] = body.documents_truncated or (thin and bool(body.documents))
    values["status_url"] = f"{process_url}/status"
    return msgspec.json.encode(values)


async def _document(document: EventDocument, signer: LinkSigner, process_url: str) -> dict[str, Any]:
    values = msgspec.structs.asdict(document)
    key = values.pop("storage_key")
    link = expires_at = None
    if key is not None:
        mime_type = document.mime_type or "application/octet-stream"
        expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=signer.link_ttl)
        link = await signer.link(key, download_name(document.name, mime_type), mime_type)
    return values | {
        "download_url": link,
        "download_url_expires_at": expires_at,
        "content_url": f"{process_url}/documents/{document.id}/content" if key is not None else None,
    }
