"""Webhook endpoints of an account: added, switched on and off, tried, deleted."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from service.actions import endpoints
from service.actions.endpoints import UnknownEndpoint
from service.api.framework import pagination
from service.api.framework.parameters import checked_webhook_url
from service.api.webhook_tests import TRIALS, SentView, sent
from service.console.case_requests import spend
from service.console.framework.declarations import Go, Shown, page, post
from service.console.framework.refusal import Refusal
from service.console.framework.visits import Visit
from service.console.views.deliveries import WEBHOOKS
from service.console.views.lists import Tab, query_of
from service.console.views.webhook_tabs import webhook_tabs
from service.database.connection import Connection
from service.database.deliveries import endpoint_list, endpoint_secrets
from service.database.deliveries.endpoint_list import Changes, EndpointRow
from service.domain.deliveries import EndpointEvent
from service.domain.positions import Position
from service.http.problems import Problem
from service.webhooks.signature import new_secret

ENDPOINTS = f"{WEBHOOKS}/endpoints"
ENDPOINTS_SHOWN = 50  # on a page; a user has fewer
DESCRIPTION_MAX = 200  # characters
_LIST, _ONE = "endpoints.html", "endpoint.html"


class EndpointsView(msgspec.Struct, frozen=True):
    """The list, and the form for another one."""

    tabs: Sequence[Tab]
    rows: Sequence[EndpointRow]
    events: Sequence[str]
    first_path: str | None
    next_path: str | None
    url: str = ""
    refusal: str | None = None  #: why the URL of the form may not be called


class EndpointView(msgspec.Struct, frozen=True):
    """One endpoint."""

    tabs: Sequence[Tab]
    row: EndpointRow
    path: str
    is_own: bool  #: the user may see its secrets
    secrets: Sequence[str]  #: the current one first; empty if they are not to be shown
    sent: SentView | None = None  #: the outcome of a test


@page(_LIST)
async def index(visit: Visit) -> EndpointsView:
    """The endpoints that the user may see, newest first."""
    return await _list(visit)


async def _list(visit: Visit, *, url: str = "", refusal: str | None = None) -> EndpointsView:
    after = pagination.position(visit.query("cursor") or None, Position[UUID])
    async with visit.state["database"].connection() as connection:
        found = await endpoint_list.page(connection, user_id=visit.owner, after=after, limit=ENDPOINTS_SHOWN + 1)
    rows, cursor = pagination.cut(found, ENDPOINTS_SHOWN, lambda row: Position(row.created_at, row.id))
    return EndpointsView(
        webhook_tabs("endpoints"),
        rows,
        list(EndpointEvent),
        ENDPOINTS if after is not None else None,
        cursor and query_of(ENDPOINTS, cursor=cursor),
        url,
        refusal,
    )


@post()
async def add(visit: Visit) -> Go | Shown:
    """Add an endpoint; its page shows the secret."""
    given, chosen = visit.form.text("url"), [each for each in EndpointEvent if each in visit.form.texts("events")]
    try:
        url = await checked_webhook_url(visit.request, given, member="url")
    except Problem as problem:
        return Shown(await _list(visit, url=given, refusal=problem.detail), _LIST, problem.status)
    events = [EndpointEvent.ALL] if EndpointEvent.ALL in chosen or not chosen else chosen
    async with visit.state["database"].transaction() as connection:
        made = await endpoint_list.add(
            connection,
            visit.user.id,
            url=url,
            events=events,
            description=visit.form.text("description")[:DESCRIPTION_MAX] or None,
            secret=new_secret(),
        )
    if made is None:
        raise UnknownEndpoint
    return Go(f"{ENDPOINTS}/{made}", done="endpoint_added")


@page(_ONE)
async def show(visit: Visit) -> EndpointView:
    """One endpoint; its secrets on demand."""
    async with visit.state["database"].connection() as connection:
        row = await _found(visit, connection)
        own = [each.secret for each in await endpoint_secrets.live(connection, row.id, user_id=visit.user.id)]
    return _view(visit, row, own if visit.query("show") else ())


def _view(visit: Visit, row: EndpointRow, secrets: Sequence[str], outcome: SentView | None = None) -> EndpointView:
    return EndpointView(
        webhook_tabs("endpoints"), row, f"{ENDPOINTS}/{row.id}", row.user_id == visit.user.id, secrets, outcome
    )


async def _found(visit: Visit, connection: Connection) -> EndpointRow:
    endpoint_id = visit.identifier("endpoint_id")
    found = endpoint_id and await endpoint_list.find(connection, endpoint_id, user_id=visit.owner)
    if not found:
        raise UnknownEndpoint
    return found


@post()
async def switch(visit: Visit) -> Go:
    """Switch an endpoint on or off."""
    is_enabled = visit.form.text("enabled") == "yes"
    async with visit.state["database"].connection() as connection:
        row = await _found(visit, connection)
        await endpoint_list.change(connection, row.id, Changes(is_enabled=is_enabled), user_id=visit.owner)
    return Go(f"{ENDPOINTS}/{row.id}", done="endpoint_on" if is_enabled else "endpoint_off")


@post()
async def delete(visit: Visit) -> Go:
    """Delete an endpoint."""
    await endpoints.delete(visit.state["database"], visit.identifier("endpoint_id"), owner=visit.owner)
    return Go(ENDPOINTS, done="endpoint_deleted")


@post()
async def rotate(visit: Visit) -> Go:
    """Make a new secret; the old one also signs during the grace period."""
    grace = visit.state["options"].webhook_secret_grace
    async with visit.state["database"].transaction() as connection:
        row = await _found(visit, connection)
        if row.user_id != visit.user.id:
            raise Refusal("forbidden", "The endpoint is another user's.", advice="problem.403.do")
        await endpoint_secrets.rotate(connection, row.id, new_secret(), user_id=visit.user.id, grace=grace)
    return Go(f"{ENDPOINTS}/{row.id}", done="rotated")


@post()
async def test(visit: Visit) -> Shown:
    """Send one signed test, and show the result."""
    await spend(visit, TRIALS, "trials", by=visit.user.id)
    async with visit.state["database"].connection() as connection:
        row = await _found(visit, connection)
        live = await endpoint_secrets.live(connection, row.id, user_id=visit.owner)
    outcome = await sent(visit.request, row.url, [each.secret for each in live], user_id=row.user_id, payload={})
    return Shown(_view(visit, row, (), outcome), _ONE)
