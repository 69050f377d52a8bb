"""`/processes/{number}/documents`: the files of a case."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta
from starlette.responses import RedirectResponse, Response

from service.actions.cases import NotRequested
from service.actions.downloads import UnknownDocument
from service.api.framework import pagination
from service.api.framework.operations import Call, Reply, Tag, operation
from service.api.framework.pagination import LIMIT_DEFAULT, Limit, Page
from service.api.framework.queries import NoQuery
from service.api.presenters.documents import DocumentView, document_views
from service.database.cases import documents, processes
from service.http.problems import Problem

FileCursor = Annotated[
    str,
    Meta(
        max_length=400,
        description="The next_cursor of the page before.",
        examples=["WyJmYmY5NWRhMC05N2MxLTVmMjItOTA4Ni02NjE4Y2RiNTkxZmYiXQ=="],
        extra_json_schema={"format": "file-cursor"},
    ),
]


#: A cursor names this many of the last documents listed, because a refresh may drop some of them. Six fit into it.
TRAIL = 6


class FilesQuery(msgspec.Struct, frozen=True):
    """Which page of the documents."""

    limit: Limit = LIMIT_DEFAULT
    cursor: FileCursor | None = None


@operation("documents_files", Tag.DOCUMENTS, problems=("process_not_found",))
async def files(call: Call[FilesQuery, None]) -> Page[DocumentView]:
    """The documents of a case.

    They are in the order of the case file, with links to those that are available. If a refresh drops documents between
    two pages, the list goes on; if it drops many, some of the others may come twice.
    """
    after = pagination.position(call.query.cursor, tuple[UUID, ...]) or ()
    async with call.state["database"].connection() as connection:
        found = await documents.page(connection, call.number, after=after, limit=call.query.limit + 1)
        if not found and not await processes.exists(connection, call.number):
            raise NotRequested
    seen = [row.id for row in found[: call.query.limit]]
    trail = [*reversed(seen), *after][:TRAIL]
    rows, cursor = pagination.cut(found, call.query.limit, lambda _last: trail)
    return Page(await document_views(rows, call.state["links"], call.state["slices"]), cursor)


@operation(
    "documents_content",
    Tag.DOCUMENTS,
    Reply(302, "To a link that was signed for this response.", media_type=None, headers=("Location",)),
    problems=("document_not_found", "document_not_available"),
)
async def content(call: Call[NoQuery, None]) -> Response:
    """The content of a document.

    This URL never goes stale: it redirects to a link that is signed for this response and needs no key.
    """
    document_id = call.identifier("document_id")
    async with call.state["database"].connection() as connection:
        document = document_id and await documents.find(connection, call.number, document_id)
    if not document:
        raise UnknownDocument
    link = await call.state["links"].signed(document)
    if link is None:
        detail = "The document is not available yet. Its status says why."
        raise Problem("document_not_available", detail)
    return RedirectResponse(link, 302, {"Cache-Control": "no-store"})
