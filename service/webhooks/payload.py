"""The body of a webhook, created for each attempt so that its links are valid."""

from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.domain.case_facts import CaseFacts, CaseMovement
from service.domain.content_types import content_type
from service.domain.documents import Charset, ContentFlags
from service.domain.events import UPDATED, CaseUpdate, Event, EventBody, EventDocument
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


class WebhookAddedDocument(WebhookDocument, frozen=True):
    """A document that is new in a watched case."""

    replaced: Annotated[bool, Meta(description="Whether it was known before, with an older content.")]


class WebhookBody(msgspec.Struct, frozen=True):
    """The body of a webhook, the same in every attempt except for links, their expiry and, after a 413, its lists.

    The members that only `process.updated` has are the last ones.
    """

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
    documents: Annotated[
        list[WebhookDocument],
        Meta(description="In the order of the case file; empty if the event has `checked_at`: see `documents_added`."),
    ]
    documents_truncated: Annotated[bool, Meta(description="Whether documents were left out; ask `status_url`.")]
    status_url: Annotated[str, Meta(description="The status of the case; needs your API key.")]
    process: Annotated[
        CaseFacts | None,
        Meta(description="The case when the event happened; null in events of earlier versions of this service."),
    ]
    documents_added: Annotated[
        list[WebhookAddedDocument] | UnsetType,
        Meta(description="Documents that are new in a watched case, or have a new content. Only in `process.updated`."),
    ] = UNSET
    movements_added: Annotated[
        tuple[CaseMovement, ...] | UnsetType,
        Meta(description="Movements that are new in a watched case, the newest first. Only in `process.updated`."),
    ] = UNSET
    movements_truncated: Annotated[
        bool | UnsetType,
        Meta(description="Whether movements were left out; ask for the movements of the case. Only there."),
    ] = UNSET
    checked_at: Annotated[
        datetime | UnsetType | None,
        Meta(
            description="When the portal was asked; null if the event tells the end of a job. Only there.",
        ),
    ] = UNSET


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

    `without_documents` leaves out every list that grows with the case. `public_url` is the base URL of this service's
    API.
    """
    body = _shortened(event.body) if without_documents else event.body
    process_url = f"{public_url}/api/v1/processes/{body.process_number}"
    facts = msgspec.structs.asdict(body) | await _news(event.type, body, signer, process_url)
    del facts["update"]
    facts["documents"] = [WebhookDocument(**await _facts(each, signer, process_url)) for each in body.documents]
    return msgspec.json.encode(
        WebhookBody(type=event.type, timestamp=event.occurred_at, **facts, status_url=f"{process_url}/status")
    )


def _shortened(body: EventBody) -> EventBody:
    """Without documents, movements, parties and related cases, for a receiver that found them too large."""
    process, update = body.process, body.update
    has_documents = bool(body.documents or (update and update.documents_added))
    return msgspec.structs.replace(
        body,
        documents=(),
        documents_truncated=body.documents_truncated or has_documents,
        process=process and msgspec.structs.replace(process, parties=(), related_processes=()),
        update=update and _without_lists(update),
    )


def _without_lists(update: CaseUpdate) -> CaseUpdate:
    has_movements = bool(update.movements_added)
    return msgspec.structs.replace(
        update,
        documents_added=(),
        movements_added=(),
        movements_truncated=update.movements_truncated or has_movements,
    )


async def _news(event_type: str, body: EventBody, signer: LinkSigner, process_url: str) -> dict[str, Any]:
    """The members that only `process.updated` has. The end of a job is told with empty ones."""
    if event_type != UPDATED:
        return {}
    update = body.update
    if update is None:
        return {"documents_added": [], "movements_added": (), "movements_truncated": False, "checked_at": None}
    added = [WebhookAddedDocument(**await _facts(each, signer, process_url)) for each in update.documents_added]
    return {
        "documents_added": added,
        "documents_truncated": body.documents_truncated or update.documents_truncated,
        "movements_added": update.movements_added,
        "movements_truncated": update.movements_truncated,
        "checked_at": update.checked_at,
    }


async def _facts(document: EventDocument, signer: LinkSigner, process_url: str) -> dict[str, Any]:
    """The members of a `WebhookDocument`, and of its kinds, with a link that is signed now."""
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
    return {
        **facts,
        **listed,
        "download_url": link,
        "download_url_expires_at": expires_at,
        "content_url": f"{process_url}/documents/{document.id}/content" if key is not None else None,
    }
