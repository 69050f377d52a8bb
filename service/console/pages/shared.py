"""A shared case, for a person who has no key: read-only, and only this case."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import structlog
from starlette.responses import Response

from service.api.archive import archive_response
from service.api.framework.operations import Access
from service.console.framework import sessions
from service.console.framework.attempts import check_attempts, count_wrong
from service.console.framework.declarations import Go, page, post
from service.console.framework.refusal import Refusal
from service.console.framework.visits import Visit
from service.console.pages.case import DOCUMENTS_SHOWN, DocumentRow, document_row
from service.console.pages.case_files import signed_redirect
from service.console.views.case_heads import CaseFacts, CaseHead, case_head
from service.console.views.lists import Pages, pages_of
from service.database.cases import case_data, document_windows, processes
from service.database.connection import Connection
from service.database.console import shares
from service.database.console.shares import Share
from service.domain.process_number import ProcessNumber

SHARED_PAGE = "/console/shared"


class InvitationView(msgspec.Struct, frozen=True):
    """The button that opens a link: what only looks at links, as mail servers do, must not use it up."""

    token: str


class SharedView(msgspec.Struct, frozen=True):
    """A shared case with one page of its documents."""

    head: CaseHead
    path: str
    documents: Sequence[DocumentRow]
    pages: Pages
    expires_at: datetime


@page("shared_invitation.html", access=Access.PUBLIC)
async def invitation(visit: Visit) -> InvitationView:
    """The button."""
    return InvitationView(visit.query("token"))


@post(access=Access.PUBLIC, is_safe=True)
async def enter(visit: Visit) -> Go:
    """Open a link."""
    await check_attempts(visit, "share")
    token, kept = visit.form.text("token"), sessions.new_secret_id()
    async with visit.state["database"].connection() as connection:
        share = await shares.open_once(connection, sessions.digest(token), sessions.digest(kept))
    if share is None:
        await count_wrong(visit, "share")
        raise _gone()
    structlog.get_logger().info("case_share_opened", share_id=str(share.id))
    visit.cookies.keep_share(kept if share.is_single_use else token, share.expires_at - datetime.now(UTC))
    return Go(f"{SHARED_PAGE}/{share.id}")


@page("shared.html", access=Access.PUBLIC)
async def show(visit: Visit) -> SharedView:
    """The case."""
    async with visit.state["database"].connection() as connection:
        share = await _share(visit, connection)
        number, path = ProcessNumber(share.process_number), f"{SHARED_PAGE}/{share.id}"
        facts = await _facts(connection, share)
        pages = pages_of(path, visit.query("page"), rows=facts.tally.counts.total, size=DOCUMENTS_SHOWN)
        lines = await document_windows.window(connection, number, skipped=pages.skipped, limit=DOCUMENTS_SHOWN)
    rows = [document_row(line, f"{path}/documents/{line.id}") for line in lines]
    return SharedView(case_head(facts, "documents"), path, rows, pages, share.expires_at)


@page("", access=Access.PUBLIC)
async def content(visit: Visit) -> Response:
    """A document of the case, by a link that is signed now."""
    async with visit.state["database"].connection() as connection:
        share = await _share(visit, connection)
    return await signed_redirect(visit, ProcessNumber(share.process_number))


@page("", access=Access.PUBLIC)
async def archive(visit: Visit) -> Response:
    """All documents of the case."""
    async with visit.state["database"].connection() as connection:
        share = await _share(visit, connection)
    is_head = visit.request.method == "HEAD"
    return await archive_response(visit.state, ProcessNumber(share.process_number), share.user_id, is_head=is_head)


async def _share(visit: Visit, connection: Connection) -> Share:
    share_id, kept = visit.identifier("share_id"), visit.cookies.share
    found = share_id and kept and await shares.find(connection, share_id, sessions.digest(kept))
    if not found:
        raise _gone()
    (await visit.state["limiter"].take(visit.state["rates"].requests, "shared", str(found.id))).check()
    return found


def _gone() -> Refusal:
    return Refusal("not_found", "The link has ended.", advice="shares.gone")


async def _facts(connection: Connection, share: Share) -> CaseFacts:
    number = ProcessNumber(share.process_number)
    overview = await processes.overview(connection, number, share.user_id)
    if overview is None:
        raise _gone()
    tally = await document_windows.tally(connection, number)
    return CaseFacts(number, overview, tally, await case_data.find(connection, number), None)
