"""`/processes`: the main entry, the status, and the list."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from service.actions.cases import NotRequested, RequestedCase, request_case
from service.api.framework import pagination, parameters
from service.api.framework.entity_tags import NOT_MODIFIED, case_tag, has_newest, not_modified
from service.api.framework.operations import Answer, Call, Reply, Tag, operation, start_downloads
from service.api.framework.pagination import Page, PageQuery
from service.api.framework.parameters import WebhookUrl
from service.api.framework.queries import PRINTABLE
from service.api.presenters.documents import document_views
from service.api.presenters.processes import (
    ProcessSummary,
    ProcessView,
    StatusView,
    case_view,
    process_summary,
    status_view,
)
from service.api.presenters.timestamps import Timestamp
from service.database.cases import documents, process_lists, processes
from service.database.cases.case_requests import CaseRequest
from service.database.cases.process_lists import ProcessFilter
from service.database.cases.processes import Overview
from service.domain.described.words import shape
from service.domain.documents import Document
from service.domain.events import Counts, count
from service.domain.positions import Position
from service.domain.statuses import ProcessStatus


class ShowQuery(msgspec.Struct, frozen=True):
    """What to do besides returning the case."""

    webhook_url: WebhookUrl | None = None
    auto_download: Annotated[bool, Meta(description="Start the download of what is not available yet.")] = True
    force_refresh: Annotated[bool, Meta(description="Ask the portal again, and try again what can never succeed.")] = (
        False
    )


@operation(
    "processes_show",
    Tag.CASES,
    Reply(200, "The case and its documents, with links to what is available.", headers=("ETag",)),
    Reply(202, "The portal does not answer for now. The request is kept: a worker lists and downloads."),
    NOT_MODIFIED,
    problems=("process_not_found", "process_access_denied", "invalid_webhook_url", "portal_unavailable"),
    limited=True,
)
async def show(call: Call[ShowQuery, None]) -> Answer[ProcessView] | Response:
    """Request a case and start its missing downloads.

    It does not wait for the downloads. While a job works on the case, no second one is started: the same `job_id` is
    returned, and a new `webhook_url` joins its subscribers. If everything is available already, a `webhook_url` is
    called at once, for the same state of the case once an hour at most.
    """
    query = call.query
    async with call.state["database"].connection() as connection:
        known = await processes.completeness(connection, call.number)
    starts = query.force_refresh or not known.is_complete or query.webhook_url is not None
    if query.auto_download and starts:
        await start_downloads(call)
    webhook_url = None
    if query.webhook_url is not None:
        webhook_url = await parameters.checked_webhook_url(call.request, query.webhook_url)
    request = CaseRequest(call.number, call.user.id, call.state["request_id"], webhook_url, query.force_refresh)
    case = await request_case(call.state, request, is_listed=known.is_listed, auto_download=query.auto_download)
    if case.is_unlisted:
        return Answer(await _view(call, case), 202)
    tag = await _tag("case", call, case.overview)
    if has_newest(call.request, tag):
        return not_modified(tag)
    return Answer(await _view(call, case), headers={"ETag": tag})


async def _view(call: Call[ShowQuery, None], case: RequestedCase) -> ProcessView:
    return await case_view(call.number, case, call.state["links"], call.state["slices"])


class StatusQuery(msgspec.Struct, frozen=True):
    """How much to return."""

    documents: Annotated[
        bool, Meta(description="With the documents; `false` returns only the numbers, for large cases.")
    ] = True


@operation(
    "processes_status", Tag.CASES, Reply(200, "Done.", headers=("ETag",)), NOT_MODIFIED, problems=("process_not_found",)
)
async def status(call: Call[StatusQuery, None]) -> Answer[StatusView] | Response:
    """The progress of a case.

    It is read from the database only: ask as often as the limit of your key allows. A case may have thousands of
    documents: send the last `ETag` as `If-None-Match`, and the response is 304 without a body while nothing changes.
    The links that you have are then valid for at least half of their lifetime.
    """
    async with call.state["database"].connection() as connection:
        overview = await processes.versioned_overview(connection, call.number, call.user.id)
    if overview is None:
        raise NotRequested
    tag = await _tag("status" if call.query.documents else "numbers", call, overview)
    if has_newest(call.request, tag):
        return not_modified(tag)
    counts, found = await _documents(call, overview.process.total_documents)
    views = await document_views(found, call.state["links"], call.state["slices"])
    return Answer(status_view(call.number, overview, counts, views), headers={"ETag": tag})


async def _documents(call: Call[StatusQuery, None], total: int) -> tuple[Counts, list[Document]]:
    """The counts, and the documents if they were asked for. `total` decides whether to wait for a slot."""
    if not call.query.documents:
        async with call.state["database"].connection() as connection:
            return await processes.counts(connection, call.number), []
    async with call.state["slices"].reading(total), call.state["database"].connection() as connection:
        found = await documents.of_process(connection, call.number)
    return count(found), found


async def _tag(kind: str, call: Call[Any, None], overview: Overview) -> str:
    store = call.state["store"]
    return case_tag(kind, call.number, overview, link_ttl=store.link_ttl, links_end=await store.link_expiry())


class ListQuery(PageQuery, frozen=True):
    """Which cases."""

    court: (
        Annotated[
            str,
            shape(
                "a string of up to 100 characters, without control characters",
                pattern=PRINTABLE,
                max_length=100,
                description="A court's abbreviation.",
                examples=["TRF3"],
            ),
        ]
        | None
    ) = None
    status: Annotated[ProcessStatus, Meta(description="Cases with this status.")] | None = None
    has_documents: Annotated[bool, Meta(description="Cases that have documents, or that have none.")] | None = None
    updated_since: Annotated[Timestamp, Meta(description="Cases that changed at this time or later.")] | None = None


@operation("processes_index", Tag.CASES)
async def index(call: Call[ListQuery, None]) -> Page[ProcessSummary]:
    """The cases that were requested, the newest first.

    With `updated_since` the oldest change comes first: follow the cursor to the end, and begin the next time at the
    last `updated_at` that you saw. This way you miss no change, but one may come twice. A change comes only after all
    older ones: while an older one is being written, which takes some seconds at most, newer ones wait.
    """
    query = call.query
    after = pagination.position(query.cursor, Position[str])
    wanted = ProcessFilter(query.court, query.status, query.has_documents, query.updated_since)
    async with call.state["database"].connection() as connection:
        found = await process_lists.page(connection, wanted, after=after, limit=query.limit + 1)
    by_change = query.updated_since is not None
    rows, cursor = pagination.cut(
        found, query.limit, lambda row: Position(row.updated_at if by_change else row.created_at, row.number)
    )
    return Page([process_summary(row) for row in rows], cursor)
