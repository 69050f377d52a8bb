"""`/processes/{number}/listing`: the portal's own answer about a case."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC
from http import HTTPStatus

import structlog
from starlette.responses import Response

from service.actions.cases import NotRequested
from service.api.archive import ArchiveResponse
from service.api.framework.entity_tags import NOT_MODIFIED, has_newest
from service.api.framework.operations import Call, Reply, Tag, operation
from service.api.framework.queries import NoQuery
from service.database.cases import processes, shown_listing
from service.database.cases.case_data import KeptListing
from service.exports.stored_files import UnreadableFile
from service.exports.stored_listing import read_listing
from service.http.problems import Problem
from service.storage.store_errors import StorageError

LISTING_MEDIA_TYPE = "application/json"
_HEADERS = ("ETag", "Content-Length", "X-Listing-Taken-At", "X-Listing-Redacted")


@operation(
    "listings_show",
    Tag.CASES,
    Reply(
        200,
        "The answer. A transfer that ends before its `Content-Length` is incomplete.",
        headers=_HEADERS,
        example=[{}],
    ),
    NOT_MODIFIED,
    problems=("process_not_found", "listing_not_kept"),
)
async def show(call: Call[NoQuery, None]) -> Response:
    """The portal's own answer about a case, as it was last taken.

    It is returned byte for byte, so that you find there what this service does not decode. Its members and their names
    are the portal's, and may change. The `ETag` is the SHA-256 of the bytes. If a party is sealed or the case is not
    public, the names that are sealed are replaced and `X-Listing-Redacted` is `true`. `X-Listing-Taken-At` may be older
    than `listed_at` of the case, if the answer could not be stored the last time.
    """
    listing = await _kept(call)
    headers = _headers(listing)
    if has_newest(call.request, headers["ETag"]):
        kept = {name: headers[name] for name in ("ETag", "Cache-Control")}
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)
    if call.request.method == "HEAD":
        return Response(headers=headers)
    chunks = await _begun(read_listing(call.state["store"], listing))
    return ArchiveResponse(chunks, headers, media_type=headers["Content-Type"], what="listing")


async def _kept(call: Call[NoQuery, None]) -> KeptListing:
    async with call.state["database"].connection() as connection:
        listing = await shown_listing.find(connection, call.number)
        if listing is None and not await processes.exists(connection, call.number):
            raise NotRequested
    if listing is None:
        raise Problem("listing_not_kept", "No answer of the portal about this case is kept yet. Refresh the case.")
    return listing


def _headers(listing: KeptListing) -> dict[str, str]:
    charset = "" if listing.charset is None else f"; charset={listing.charset}"
    return {
        "Content-Type": f"{LISTING_MEDIA_TYPE}{charset}",
        "Content-Length": str(listing.size),
        "ETag": f'"{listing.sha256}"',
        "X-Listing-Taken-At": listing.taken_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "X-Listing-Redacted": "true" if listing.is_redacted else "false",
        "Cache-Control": "no-store",
    }


async def _begun(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Read the first chunk before the response begins: a bucket that is away is a problem, not a cut transfer."""
    try:
        first = await anext(chunks, b"")
    except (StorageError, UnreadableFile) as error:
        structlog.get_logger().error("listing_unreadable", reason=str(error))
        detail = "The service cannot read its bucket for the moment. Nothing was lost: ask again."
        raise Problem("service_unavailable", detail, headers={"Retry-After": "5"}) from None
    return _joined(first, chunks)


async def _joined(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for chunk in rest:
            yield chunk
