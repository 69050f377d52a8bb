"""Requests a document's text from the portal, if a web page came that may or may not be the document."""

from collections.abc import AsyncIterator

from service.portal.client import PortalClient
from service.portal.download import Download
from service.portal.errors import Busy, Outage, PortalError, Unauthorized
from worker.downloads.inspection import Expected, Inspection, Rendition

TEXT_LENGTH = 32 * 1024  # bytes read of a text


async def ask_for_text(portal: PortalClient, href: str) -> Rendition | None:
    """The first bytes of the text at this address; None if the portal has none now.

    Raises `Busy` and `Outage`, which say nothing about the text.
    """
    try:
        async with portal.open_document(href) as download:
            return await _read(download)
    except Unauthorized as error:
        if not error.token_works:
            raise
        return None
    except (Busy, Outage):
        raise
    except PortalError:
        return None


async def _read(download: Download) -> Rendition:
    inspection = Inspection(Expected(None, None, is_text=True), max_bytes=2 * TEXT_LENGTH)
    head = b"".join([chunk async for chunk in inspection.watch(_first(download.chunks()))])
    try:
        inspection.detect_kind(download.content_type, None)
    except PortalError as error:
        return Rendition(head, error.code)
    return Rendition(head, None)


async def _first(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    left = TEXT_LENGTH
    async for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return
