"""The body of a webhook, created for each attempt so that its links are valid."""

from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

import msgspec
from msgspec import Meta

from service.domain.content_types import content_type
from service.domain.documents import Charset, ContentFlags
from service.domain.events import Event, EventDocument
from service.domain.file_names import download_name
from service.domain.statuses import DocumentStatus, ProcessStatus


class WebhookDocument(msgspec.Struct, frozen=True):
    """A document as it was when the event happened, with a link that was signed for this attempt."""

    id: Annotated[UUID, Meta(description="The same in every response and every webhook.")]
    uuid: Annotated[str, Meta(description="The id of the portal.")]
    name: Annotated[str, Meta(description="As the portal lists it; two documents may have the same.")]
    type: Annotated[str, Meta(description="As the portal lists it.")]
    status: Annotated[DocumentStatus, Meta(description="As it was when the event happened.")]
    size: Annotated[int | None, Meta(description="Bytes of the stored file.")]
    mime_type: Annotated[str | None, Meta(description="The type of the stored file.")]
    sha256: Annotated[str | None, Meta(description="The SHA-256 of the stored file, in lower-case hexadecimal.")]
    charset: Charset | None
    content_flags: ContentFlags
    listed_size: Annotated[int | None, Meta(description="Bytes, as the portal lists it.")]
    listed_mime_type: Annotated[str | None, Meta(description="As the portal lists it.")]
    error_code: Annotated[
        str | None,
        Meta(description="Why the last download failed, a stable word; if there is a file, it is an older version."),
    ]
    error_message: Annotated[str | None, Meta(description="The same as a sentence that says what to do.")]
    download_url: Annotated[str | None, Meta(description="Needs no key, until it expires; null without a file.")]
    download_url_expires_at: Annotated[
        datetime | None, Meta(description="When `download_url` expires; null without a link.")
    ]
    content_url: Annotated[str | None, Meta(description="Needs your API key, never expires; null without a file.")]


class WebhookBody(msgspec.Struct, frozen=True):
    """The body of a webhook, the same in every attempt except for links, their expiry and, after a 413, `documents`."""

    type: Annotated[
        str, Meta(description="`process.` and the status, `process.updated` if that is pending, or `webhook.test`.")
    ]
    timestamp: Annotated[datetime, Meta(description="When the event happened.")]
    process_number: Annotated[str, Meta(description="The case number, masked.")]
    job_id: Annotated[UUID | None, Meta(description="The job; null if there was nothing to download.")]
    status: Annotated[
        ProcessStatus, Meta(description="The status of the case; pending if it has documents that were not requested.")
    ]
    total_documents: Annotated[int, Meta(description="How many documents the case has.")]
    completed_documents: Annotated[int, Meta(description="How many documents are available.")]
    failed_documents: Annotated[int, Meta(description="How many documents failed; each has an `error_code`.")]
    completed_at: Annotated[datetime, Meta(description="When the job ended; without a job, when the event happened.")]
    documents: Annotated[list[WebhookDocument], Meta(description="In the order of the case file.")]
    documents_truncated: Annotated[bool, Meta(description="Whether the list was left out; ask `status_url` for it.")]
    status_url: Annotated[str, Meta(description="The status of the case; needs your API key.")]


class LinkSigner(Protocol):
    """The methods of the object store that this module needs."""

    async def link_expiry(self) -> datetime:
        """The earliest expiry of a link that is signed from now on."""
        ...

    async def link(self, key: str, name: str, mime_type: str) -> str:
        """A signed link that downloads under `name`; `mime_type` may have a charset."""
        ...


async def render(event: Event, signer: LinkSigner, *, public_url: str, without_documents: bool) -> bytes:
    """The JSON of a `WebhookBody`.

    `without_documents` leaves the documents out. `public_url` is the base URL of this service's API.
    """
    body = event.body
    process_url = f"{public_url}/api/v1/processes/{body.process_number}"
    facts = msgspec.structs.asdict(body)
    facts["documents"] = [
        await _document(each, signer, process_url) for each in body.documents if not without_documents
    ]
    facts["documents_truncated"] = body.documents_truncated or (without_documents and bool(body.documents))
    return msgspec.json.encode(
        WebhookBody(type=event.type, timestamp=event.occurred_at, **facts, status_url=f"{process_url}/status")
    )


async def _document(document: EventDocument, signer: LinkSigner, process_url: str) -> WebhookDocument:
    facts = msgspec.structs.asdict(document)
    key = facts.pop("storage_key")
    listed = {"listed_size": facts.pop("declared_size"), "listed_mime_type": facts.pop("declared_mime_type")}
    link = expires_at = None
    if key is not None:
        mime_type = document.mime_type or "application/octet-stream"
        # Before the link is signed: if the credentials are renewed in between, the link is valid longer, never shorter.
        expires_at = await signer.link_expiry()
        name, header = download_name(document.name, mime_type), content_type(mime_type, document.charset)
        link = await signer.link(key, name, header)
    return WebhookDocument(
        **facts,
        **listed,
        download_url=link,
        download_url_expires_at=expires_at,
        content_url=f"{process_url}/documents/{document.id}/content" if key is not None else None,
    )
