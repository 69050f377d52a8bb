"""Deliveries: what was sent to whom, each attempt, and sending it again."""

import re
from collections.abc import Sequence
from uuid import UUID

import msgspec

from service.actions import deliveries
from service.actions.deliveries import UnknownDelivery
from service.api.framework import pagination
from service.console.framework.declarations import Go, page, post
from service.console.framework.visits import Visit
from service.console.views.deliveries import WEBHOOKS, DeliveryLine, delivery_line
from service.console.views.lists import Tab, query_of
from service.console.views.webhook_tabs import webhook_tabs
from service.database.deliveries import delivery_history
from service.database.deliveries.delivery_history import AttemptRow, DeliveryFilter, DeliveryRow
from service.domain.deliveries import message_id
from service.domain.positions import Position
from service.domain.process_number import InvalidProcessNumber, ProcessNumber
from service.domain.statuses import DeliveryStatus

DELIVERIES_SHOWN = 50  # on a page
HOST_MAX = 300  # characters
NUMBER_MAX = 40  # characters


class DeliveriesView(msgspec.Struct, frozen=True):
    """The list, and what was looked for."""

    tabs: Sequence[Tab]
    lines: Sequence[DeliveryLine]
    status: str
    statuses: Sequence[str]
    host: str
    number: str
    is_filtered: bool
    first_path: str | None
    next_path: str | None


class DeliveryView(msgspec.Struct, frozen=True):
    """One delivery with every attempt, the newest first."""

    tabs: Sequence[Tab]
    line: DeliveryLine
    webhook_id: str
    url: str
    is_resend_requested: bool
    can_be_resent: bool  #: its job has ended
    can_be_cancelled: bool
    attempts: Sequence[AttemptRow]


@page("deliveries.html")
async def index(visit: Visit) -> DeliveriesView:
    """The deliveries that the user may see, newest first."""
    status, host, number = visit.query("status"), visit.query("host")[:HOST_MAX], visit.query("case")[:NUMBER_MAX]
    after = pagination.position(visit.query("cursor") or None, Position[UUID])
    wanted = DeliveryFilter(
        visit.owner,
        DeliveryStatus(status) if status in set(DeliveryStatus) else None,
        host=host or None,
        process_number=_digits(number) if number else None,
    )
    async with visit.state["database"].connection() as connection:
        found = await delivery_history.page(connection, wanted, after=after, limit=DELIVERIES_SHOWN + 1)
    rows, cursor = pagination.cut(found, DELIVERIES_SHOWN, lambda row: Position(row.created_at, row.id))
    kept = {"status": status, "host": host, "case": number}
    return DeliveriesView(
        tabs=webhook_tabs("deliveries"),
        lines=[delivery_line(row) for row in rows],
        status=status,
        statuses=list(DeliveryStatus),
        host=host,
        number=number,
        is_filtered=bool(wanted.status or host or number or after),
        first_path=query_of(WEBHOOKS, **kept) if after is not None else None,
        next_path=cursor and query_of(WEBHOOKS, **kept, cursor=cursor),
    )


def _digits(given: str) -> str:
    """The digits of a case number. What is none is kept, and no delivery has it."""
    try:
        return ProcessNumber.parse(given).digits
    except InvalidProcessNumber:
        return re.sub("[^0-9]", "", given)


@page("delivery.html")
async def show(visit: Visit) -> DeliveryView:
    """One delivery."""
    delivery_id = visit.identifier("delivery_id")
    async with visit.state["database"].connection() as connection:
        found = delivery_id and await delivery_history.find(connection, delivery_id, user_id=visit.owner)
        if not found:
            raise UnknownDelivery
        attempts = await delivery_history.attempts_of(connection, [found.id])
    return view_of(found, attempts[found.id])


def view_of(row: DeliveryRow, attempts: Sequence[AttemptRow]) -> DeliveryView:
    """The page of a delivery. `attempts`: the oldest first."""
    return DeliveryView(
        tabs=webhook_tabs("deliveries"),
        line=delivery_line(row),
        webhook_id=message_id(row.id),
        url=row.url,
        is_resend_requested=row.resend_at is not None,
        can_be_resent=row.event_type is not None,
        can_be_cancelled=row.status in {DeliveryStatus.WAITING, DeliveryStatus.SCHEDULED},
        attempts=list(reversed(attempts)),
    )


@post()
async def resend(visit: Visit) -> Go:
    """Send a delivery once more, now."""
    state = visit.state
    resent = await deliveries.resend(
        state["database"], state["queue"], visit.identifier("delivery_id"), owner=visit.owner
    )
    return Go(delivery_line(resent.delivery).path, done="resent")


@post()
async def cancel(visit: Visit) -> Go:
    """Stop a delivery."""
    cancelled = await deliveries.cancel(visit.state["database"], visit.identifier("delivery_id"), owner=visit.owner)
    return Go(delivery_line(cancelled.delivery).path, done="delivery_cancelled")
