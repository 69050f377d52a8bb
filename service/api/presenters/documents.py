"""A document as clients see it, with its links."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from service.api.presenters.document_links import DocumentLinks
from service.api.presenters.timestamps import Timestamp, to_utc
from service.domain.documents import Charset, ContentFlags, Document
from service.domain.errors import ErrorCode
from service.domain.statuses import DocumentStatus
from service.http.slices import Slices

#: A string and not an enumeration: a client that was generated before a code was added must accept it.
FailureCode = Annotated[
    str, Meta(description=f"A stable word, null if nothing failed. New ones may be added: {', '.join(ErrorCode)}.")
]


class DocumentView(msgspec.Struct, frozen=True, gc=False):
    """One document with a link that was signed for this response."""

    id: Annotated[UUID, Meta(description="The same whenever and wherever the document is listed.")]
    uuid: Annotated[str, Meta(description="The id of the portal.")]
    name: Annotated[str, Meta(description="As the portal lists it; two documents may have the same.")]
    type: Annotated[str, Meta(description="As the portal lists it.")]
    status: Annotated[DocumentStatus, Meta(description="How far the work on it is.")]
    size: Annotated[
        int | None, Meta(description="Bytes of the stored file; as the portal lists it until there is one.")
    ]
    mime_type: Annotated[
        str | None, Meta(description="The type of the stored file; as the portal lists it until there is one.")
    ]
    sha256: Annotated[str | None, Meta(description="The SHA-256 of the stored file, in lower-case hexadecimal.")]
    secrecy: Annotated[str, Meta(description="As the portal lists it; `PUBLICO` is public.")]
    instance: Annotated[str, Meta(description="The instance of the court, as the portal lists it.")]
    sequence: Annotated[int | None, Meta(description="Its position in the case file, as the portal lists it.")]
    page_count: Annotated[int | None, Meta(description="As the portal lists it.")]
    filed_at: Annotated[Timestamp | None, Meta(description="When it was added to the case.")]
    charset: Charset | None
    content_flags: ContentFlags
    listed_size: Annotated[int | None, Meta(description="Bytes, as the portal lists it.")]
    listed_mime_type: Annotated[str | None, Meta(description="As the portal lists it.")]
    size_mismatch: Annotated[bool, Meta(description="Whether `content_flags` has `size_mismatch`.")]
    download_url: Annotated[
        str | None,
        Meta(description="Signed for this response: needs no key, until it expires; null without a stored file."),
    ]
    download_url_expires_at: Annotated[
        Timestamp | None, Meta(description="When `download_url` expires; null without a link.")
    ]
    content_url: Annotated[
        str | None, Meta(description="Never goes stale and needs your API key; null without a stored file.")
    ]
    error_code: FailureCode | None
    error_message: Annotated[str | None, Meta(description="The same as a sentence that says what to do.")]
    attempts: Annotated[int, Meta(description="Download attempts of the last job that tried it.")]
    started_at: Annotated[Timestamp | None, Meta(description="When a worker last started its download.")]
    completed_at: Annotated[Timestamp | None, Meta(description="When it became available or failed.")]


async def document_views(documents: Sequence[Document], links: DocumentLinks, slices: Slices) -> list[DocumentView]:
    """The views, with a link for each stored file. Raises `StorageError` if credentials cannot be renewed."""
    expires_at = await links.expiry()

    async def views(some: Sequence[Document]) -> list[DocumentView]:
        return [await _document_view(document, links, expires_at) for document in some]

    return await slices.run(views, documents)


async def _document_view(document: Document, links: DocumentLinks, expires_at: datetime) -> DocumentView:
    mime_type = document.mime_type or document.declared_mime_type
    link = await links.signed(document)
    return DocumentView(
        id=document.id,
        uuid=document.uuid,
        name=document.name,
        type=document.type,
        status=document.status,
        size=document.declared_size if document.size is None else document.size,
        mime_type=mime_type,
        sha256=document.sha256,
        secrecy=document.secrecy,
        instance=document.instance,
        sequence=document.sequence,
        page_count=document.page_count,
        filed_at=to_utc(document.filed_at),
        charset=document.charset,
        content_flags=document.content_flags,
        listed_size=document.declared_size,
        listed_mime_type=document.declared_mime_type,
        size_mismatch=document.size_mismatch,
        download_url=link,
        download_url_expires_at=expires_at if link else None,
        content_url=links.lasting(document),
        error_code=document.error_code,
        error_message=document.error_message,
        attempts=document.attempts,
        started_at=to_utc(document.started_at),
        completed_at=to_utc(document.completed_at),
    )
