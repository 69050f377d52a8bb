"""The body of a webhook, made anew for every attempt so that its links work."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from service.domain.content_types import content_type
from service.domain.documents import Charset, ContentFlags
from service.domain.events import Event, EventDocument
from service.domain.file_names import download_name
from service.domain.statuses import DocumentStatus, ProcessStatus


class WebhookDocument(msgspec.Struct, frozen=True):
    """A document as it was when the event happened, with a link that was signed for this attempt."""

    id: UUID  #: the same whenever and wherever the document is listed
    uuid: str  #: the id of the portal
    name: str  #: as the portal lists it; two documents may have the same
    type: str  #: as the portal lists it
    status: DocumentStatus  #: as it was when the job ended
    size: int | None  #: bytes of the stored file
    mime_type: str | None  #: of the stored file
    sha256: str | None  #: of the stored file, in lower-case hexadecimal
    charset: Charset | None
    content_flags: ContentFlags
    listed_size: int | None  #: bytes, as the portal lists it
    listed_mime_type: str | None  #: as the portal lists it
    error_code: str | None  #: why there is no file: a stable word
    error_message: str | None  #: the same as a sentence that says what to do
    download_url: str | None  #: needs no key, until it expires
    download_url_expires_at: datetime | None  #: null without a link
    content_url: str | None  #: needs your API key, never goes stale


class WebhookBody(msgspec.Struct, frozen=True):
    """What is posted when a job has ended. The same in every attempt, but for the links and when they expire."""

    type: str  #: `process.` and the status, `process.updated` where that is pending, or `webhook.test`
    timestamp: datetime  #: when the event happened
    process_number: str  #: masked
    job_id: UUID | None  #: null where there was nothing to do
    status: ProcessStatus  #: of the case; pending if documents are left that were not requested
    total_documents: int  #: those of the case
    completed_documents: int  #: those that are available
    failed_documents: int  #: each says why
    completed_at: datetime  #: when the job ended
    documents: list[WebhookDocument]  #: in the order of the file
    documents_truncated: bool  #: whether the list was left out; `status_url` has it
    status_url: str  #: needs your API key


class LinkSigner(Protocol):
    """What is needed of the object store."""

    async def link_expiry(self) -> datetime:
        """When a link that is signed from now on stops working."""
        ...

    async def link(self, key: str, name: str, mime_type: str) -> str:
        """A signed link that downloads under `name`; `mime_type` may have a charset."""
        ...


async def render(event: Event, signer: LinkSigner, *, public_url: str, thin: bool) -> bytes:
    """Everything but the links, and the moment they expire, is the same for every attempt.

    `thin` leaves the documents out. `public_url` is where this service's API is reached.
    """
    body = event.body
    process_url = f"{public_url}/api/v1/processes/{body.process_number}"
    facts = msgspec.structs.asdict(body)
    facts["documents"] = [await _document(each, signer, process_url) for each in body.documents if not thin]
    facts["documents_truncated"] = body.documents_truncated or (thin and bool(body.documents))
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
        # Before the link is signed: credentials that are renewed in between live longer, never shorter.
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
