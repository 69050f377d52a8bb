"""`/webhooks/deliveries`: what was sent, with the outcome; send it again, or stop it."""

from collections.abc import Sequence
from datetime import UTC
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from service.api.framework import pagination
from service.api.framework.operations import Call, Reply, Tag, operation
from service.api.framework.pagination import Page, PageQuery
from service.api.framework.queries import NoQuery
from service.api.framework.timestamps import Timestamp, to_utc
from service.database.connection import Connection
from service.database.deliveries import cancelled_deliveries, deliveries, delivery_history, overdue
from service.database.deliveries.delivery_history import AttemptRow, DeliveryFilter, DeliveryRow
from service.domain.deliveries import message_id
from service.domain.positions import Position
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DeliveryStatus
from service.http.problems import Problem

ATTEMPTS_LISTED = 20  # of each delivery in a list; one delivery alone shows them all


class AttemptView(msgspec.Struct, frozen=True):
    """One attempt: a POST, or why there was none."""

    number: Annotated[int, Meta(description="1 for the first attempt; a resend counts too.")]
    started_at: Annotated[Timestamp, Meta(description="When it began.")]
    duration_ms: Annotated[int, Meta(description="Milliseconds until the response or the failure.")]
    outcome: Annotated[
        str,
        Meta(
            description="`delivered`, `status` for a response other than 2xx, or a word that says why there was none."
        ),
    ]
    status_code: Annotated[int | None, Meta(description="The status code of the response; null if there was none.")]
    answer: Annotated[str | None, Meta(description="The beginning of the response body, at most 1 KiB.")]
    error: Annotated[str | None, Meta(description="What went wrong, as a sentence.")]


class DeliveryView(msgspec.Struct, frozen=True):
    """One event for one subscriber."""

    id: Annotated[UUID, Meta(description="The id of the delivery.")]
    webhook_id: Annotated[str, Meta(description="The header `webhook-id` of every attempt.")]
    user_id: Annotated[UUID, Meta(description="The user whom it belongs to.")]
    type: Annotated[str | None, Meta(description="The type of the event; null until the job has ended.")]
    process_number: Annotated[str, Meta(description="The case number, masked.")]
    job_id: Annotated[UUID | None, Meta(description="The job; null for an event that needed no job.")]
    webhook_url: Annotated[str, Meta(description="The URL to call.")]
    status: Annotated[
        DeliveryStatus, Meta(description="Waiting for the job, scheduled, delivered, failed, or cancelled by a person.")
    ]
    next_attempt_at: Annotated[
        Timestamp | None, Meta(description="When the next attempt is due; null if none is scheduled.")
    ]
    resend_requested_at: Annotated[
        Timestamp | None, Meta(description="When a resend was requested that was not made yet.")
    ]
    last_error: Annotated[str | None, Meta(description="The error of the last attempt that failed.")]
    created_at: Annotated[Timestamp, Meta(description="When the webhook was requested.")]
    completed_at: Annotated[Timestamp | None, Meta(description="When it was delivered, given up or cancelled.")]
    attempts: Annotated[
        list[AttemptView], Meta(description="The oldest first; a list of deliveries has the last 20 of each.")
    ]


class DeliveryQuery(PageQuery, frozen=True):
    """Which deliveries."""

    status: Annotated[DeliveryStatus, Meta(description="Deliveries with this status.")] | None = None
    job_id: (
        Annotated[UUID, Meta(description="Deliveries of one job.", examples=["71a158dc-5460-463c-bbfd-4c6d8ab040e9"])]
        | None
    ) = None
    since: Annotated[Timestamp, Meta(description="Deliveries that were created at this time or later.")] | None = None


class RecoverBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which failed deliveries to send again."""

    since: Annotated[Timestamp, Meta(description="Deliveries that were given up at this time or later.")]

    def __post_init__(self) -> None:
        try:
            self.since.astimezone(UTC)
        except OverflowError:
            raise ValueError("The member since is outside of the calendar.") from None


class RecoveredView(msgspec.Struct, frozen=True):
    """How many deliveries are sent again."""

    recovered: Annotated[int, Meta(description="How many are sent again.")]


@operation("deliveries_index", Tag.DELIVERIES)
async def index(call: Call[DeliveryQuery, None]) -> Page[DeliveryView]:
    """The deliveries, the newest first.

    They are the caller's own; for an administrator, those of all users.
    """
    query = call.query
    after = pagination.position(query.cursor, Position[UUID])
    wanted = DeliveryFilter(call.owner, query.status, query.job_id, query.since)
    async with call.state["database"].connection() as connection:
        found = await delivery_history.page(connection, wanted, after=after, limit=query.limit + 1)
        rows, cursor = pagination.cut(found, query.limit, lambda row: Position(row.created_at, row.id))
        attempts = await delivery_history.attempts_of(connection, [row.id for row in rows], newest=ATTEMPTS_LISTED)
    return Page([delivery_view(row, attempts[row.id]) for row in rows], cursor)


@operation("deliveries_show", Tag.DELIVERIES, problems=("delivery_not_found",))
async def show(call: Call[NoQuery, None]) -> DeliveryView:
    """One delivery with all its attempts."""
    async with call.state["database"].connection() as connection:
        found = await _visible(connection, call)
        return await _with_attempts(connection, found)


@operation(
    "deliveries_resend",
    Tag.DELIVERIES,
    Reply(202, "It is sent again."),
    problems=("delivery_not_found", "delivery_not_due"),
)
async def resend(call: Call[NoQuery, None]) -> DeliveryView:
    """Send a delivery once more, now.

    The scheduled attempts stay scheduled, unless this one succeeds.
    """
    async with call.state["database"].transaction() as connection:
        found = await _visible(connection, call)
        ring = await deliveries.resend(connection, found.id)
        if ring is None:
            raise Problem("delivery_not_due", "The job has not ended: there is nothing to send yet.")
        after = await delivery_history.find(connection, found.id, user_id=None)
        view = await _with_attempts(connection, after or found)
    await call.state["bell"].ring_delivery(ring.id, attempt=ring.attempt, rings=ring.rings, late=False)
    return view


@operation("deliveries_cancel", Tag.DELIVERIES, problems=("delivery_not_found", "delivery_ended"))
async def cancel(call: Call[NoQuery, None]) -> DeliveryView:
    """Stop a delivery.

    No attempt follows, no operator is alerted, and `recover` skips it. An attempt in progress is not interrupted: it is
    added to `attempts`, and if it succeeds the delivery is `delivered`. A resend that was not made yet is cancelled.
    `resend` makes one attempt of a cancelled delivery; a request with the same `webhook_url` starts it again.
    """
    async with call.state["database"].transaction() as connection:
        found = await _visible(connection, call)
        is_stopped = await cancelled_deliveries.cancel(connection, found.id)
        after = await delivery_history.find(connection, found.id, user_id=None) or found
        if not is_stopped and after.status is not DeliveryStatus.CANCELLED:
            raise Problem("delivery_ended", f"The delivery is {after.status} already: there is nothing to cancel.")
        return await _with_attempts(connection, after)


@operation("deliveries_recover", Tag.DELIVERIES, Reply(202, "They are sent again."))
async def recover(call: Call[NoQuery, RecoverBody]) -> RecoveredView:
    """Send all deliveries again that have failed since a given time.

    Each gets a whole new schedule. You may repeat the request.
    """
    async with call.state["database"].transaction() as connection:
        recovered = await deliveries.recover(connection, since=call.body.since, user_id=call.owner)
        rung = await overdue.take_overdue(connection) if recovered else None
    for ring in rung.rings if rung else ():
        await call.state["bell"].ring_delivery(ring.id, attempt=ring.attempt, rings=ring.rings)
    return RecoveredView(recovered)


async def _visible(connection: Connection, call: Call[NoQuery, None]) -> DeliveryRow:
    delivery_id = call.identifier("delivery_id")
    found = delivery_id and await delivery_history.find(connection, delivery_id, user_id=call.owner)
    if not found:
        raise Problem("delivery_not_found", "There is no such delivery of yours.")
    return found


async def _with_attempts(connection: Connection, row: DeliveryRow) -> DeliveryView:
    attempts = await delivery_history.attempts_of(connection, [row.id])
    return delivery_view(row, attempts[row.id])


def delivery_view(row: DeliveryRow, attempts: Sequence[AttemptRow]) -> DeliveryView:
    """A delivery as clients see it."""
    return DeliveryView(
        id=row.id,
        webhook_id=message_id(row.id),
        user_id=row.user_id,
        type=row.event_type,
        process_number=ProcessNumber(row.process_number).masked,
        job_id=row.job_id,
        webhook_url=row.url,
        status=row.status,
        next_attempt_at=to_utc(row.next_attempt_at),
        resend_requested_at=to_utc(row.resend_at),
        last_error=row.last_error,
        created_at=row.created_at.astimezone(UTC),
        completed_at=to_utc(row.completed_at),
        attempts=[_attempt_view(each) for each in attempts],
    )


def _attempt_view(row: AttemptRow) -> AttemptView:
    return AttemptView(
        number=row.number,
        started_at=row.started_at.astimezone(UTC),
        duration_ms=row.duration_ms,
        outcome=row.outcome,
        status_code=row.status_code,
        answer=row.answer,
        error=row.error,
    )
