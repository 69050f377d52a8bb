"""Links to a case for people who have no key. Their owner makes, sees and ends them."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import structlog

from service.console.case_requests import case_path, number_of
from service.console.framework import sessions
from service.console.framework.declarations import Go, page, post
from service.console.framework.refusal import Refusal
from service.console.framework.visits import Visit
from service.console.pages.case import not_requested, read_facts
from service.console.views.case_heads import CaseHead, case_head
from service.database.console import shares
from service.database.console.shares import Share
from service.domain.process_number import ProcessNumber

DAYS = (1, 7, 30)  # how long a link may live


class SharesView(msgspec.Struct, frozen=True):
    """A case with its links."""

    head: CaseHead
    shares: Sequence[Share]
    days: Sequence[int]
    link: str | None  #: of the link that was just made: it is shown once


@page("case_shares.html")
async def index(visit: Visit) -> SharesView:
    """The links to a case that the user may end."""
    number = number_of(visit)
    async with visit.state["database"].connection() as connection:
        facts = await read_facts(connection, visit, number)
        found = await shares.of_case(connection, number, visit.owner)
    token = visit.cookies.take_handed_over()
    link = None if token is None else f"{visit.state['options'].public_url}/console/shared?token={token}"
    return SharesView(case_head(facts, "shares"), found, DAYS, link)


@post()
async def add(visit: Visit) -> Go:
    """Make a link."""
    number, given = number_of(visit), visit.form.text("days")
    if given not in map(str, DAYS):
        raise Refusal("invalid_body", "The time is wrong.", advice="shares.wrong_days", status=422)
    is_single_use = visit.form.text("single") == "yes"
    token, digest = sessions.new_token()
    async with visit.state["database"].connection() as connection:
        made = await shares.add(
            connection,
            digest,
            number,
            visit.user.id,
            is_single_use=is_single_use,
            life=timedelta(days=int(given)),
        )
    if not made:
        raise not_requested()
    structlog.get_logger().info("case_shared", process_number=number.masked, is_single_use=is_single_use, days=given)
    visit.cookies.hand_over(token)
    return Go(case_path(number, "/shares"), done="shared")


@post()
async def revoke(visit: Visit) -> Go:
    """End a link."""
    share_id = visit.identifier("share_id")
    async with visit.state["database"].connection() as connection:
        ended = share_id and await shares.revoke(connection, share_id, visit.owner)
    if not ended:
        raise Refusal("not_found", "There is no such link.", advice="shares.not_found")
    number = ProcessNumber(ended.process_number)
    structlog.get_logger().info("case_share_ended", process_number=number.masked, share_id=str(ended.id))
    return Go(case_path(number, "/shares"), done="share_ended")
