"""`/webhooks/deliveries`: what was sent, with the outcome; send it again, or stop it."""

from collections.abc import Sequence
from datetime import UTC
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from service.actions import deliveries
from service.actions.deliveries import UnknownDelivery
from service.api.framework import pagination
from service.api.framework.operations import Call, Reply, Tag, operation
from service.api.framework.pagination import Page, PageQuery
from service.api.framework.queries import NoQuery
from service.api.presenters.timestamps import Timestamp, to_utc
from service.database.deliveries import delivery_history
from service.database.deliveries.delivery_history import AttemptRow, DeliveryFilter, DeliveryRow
from service.domain.deliveries import message_id
from service.domain.positions import Position
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DeliveryStatus

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
    endpoint_id: Annotated[
        UUID | None, Meta(description="The endpoint of the user's account that gets it; null if none does.")
    ]
    webhook_url: Annotated[
        str, Meta(description="The URL to call; for an endpoint, the one that the next attempt or the last one calls.")
    ]
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
    endpoint_id: (
        Annotated[
            UUID, Meta(description="Deliveries to one endpoint.", examples=["b1946ac9-2f6b-4a4e-9a51-8d7e4c0f6a12"])
        ]
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
    wanted = DeliveryFilter(call.owner, query.status, query.job_id, query.endpoint_id, query.since)
    async with call.state["database"].connection() as connection:
        found = await delivery_history.page(connection, wanted, after=after, limit=query.limit + 1)
        rows, cursor = pagination.cut(found, query.limit, lambda row: Position(row.created_at, row.id))
        attempts = await delivery_history.attempts_of(connection, [row.id for row in rows], newest=ATTEMPTS_LISTED)
    return Page([delivery_view(row, attempts[row.id]) for row in rows], cursor)


@operation("deliveries_show", Tag.DELIVERIES, problems=("delivery_not_found",))
async def show(call: Call[NoQuery, None]) -> DeliveryView:
    """One delivery with all its attempts."""
    delivery_id = call.identifier("delivery_id")
    async with call.state["database"].connection() as connection:
        found = delivery_id and await delivery_history.find(connection, delivery_id, user_id=call.owner)
        if not found:
            raise UnknownDelivery
        attempts = await delivery_history.attempts_of(connection, [found.id])
    return delivery_view(found, attempts[found.id])


@operation(
    "deliveries_resend",
    Tag.DELIVERIES,
    Reply(202, "It is sent again."),
    problems=("delivery_not_found", "delivery_not_due", "endpoint_disabled"),
)
async def resend(call: Call[NoQuery, None]) -> DeliveryView:
    """Send a delivery once more, now.

    The scheduled attempts stay scheduled, unless this one succeeds.
    """
    state = call.state
    resent = await deliveries.resend(
        state["database"], state["queue"], call.identifier("delivery_id"), owner=call.owner
    )
    return delivery_view(resent.delivery, resent.attempts)


@operation("deliveries_cancel", Tag.DELIVERIES, problems=("delivery_not_found", "delivery_ended"))
async def cancel(call: Call[NoQuery, None]) -> DeliveryView:
    """Stop a delivery.

    No attempt follows, no operator is alerted, and `recover` skips it. An attempt in progress is not interrupted: it is
    added to `attempts`, and if it succeeds the delivery is `delivered`. A resend that was not made yet is cancelled.
    `resend` makes one attempt of a cancelled delivery; a request with the same `webhook_url` starts it again.
    """
    cancelled = await deliveries.cancel(call.state["database"], call.identifier("delivery_id"), owner=call.owner)
    return delivery_view(cancelled.delivery, cancelled.attempts)


@operation("deliveries_recover", Tag.DELIVERIES, Reply(202, "They are sent again."))
async def recover(call: Call[NoQuery, RecoverBody]) -> RecoveredView:
    """Send all deliveries again that have failed since a given time.

    Each gets a whole new schedule. You may repeat the request.
    """
    state = call.state
    recovered = await deliveries.recover(state["database"], state["queue"], since=call.body.since, owner=call.owner)
    return RecoveredView(recovered.count)


def delivery_view(row: DeliveryRow, attempts: Sequence[AttemptRow]) -> DeliveryView:
    """A delivery as clients see it."""
    return DeliveryView(
        id=row.id,
        webhook_id=message_id(row.id),
        user_id=row.user_id,
        type=row.event_type,
        process_number=ProcessNumber(row.process_number).masked,
        job_id=row.job_id,
        endpoint_id=row.endpoint_id,
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
