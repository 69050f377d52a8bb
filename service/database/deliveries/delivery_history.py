"""Deliveries and their attempts, as clients and operators see them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_optional, as_struct
from service.database.horizon import horizon
from service.domain.positions import Position
from service.domain.statuses import DeliveryStatus


class DeliveryRow(msgspec.Struct, frozen=True):
    """A delivery as its owner sees it."""

    id: UUID
    user_id: UUID
    process_number: str  #: 20 digits
    job_id: UUID | None  #: None for an event that needed no job
    endpoint_id: UUID | None  #: None: no endpoint of the user's account gets it
    event_type: str | None  #: None until the job has ended
    url: str
    host: str
    status: DeliveryStatus
    next_attempt_at: datetime | None
    resend_at: datetime | None  #: when a resend was requested that was not made yet
    last_error: str | None
    created_at: datetime
    completed_at: datetime | None  #: when it was delivered, failed for good, or was cancelled


class AttemptRow(msgspec.Struct, frozen=True):
    """One attempt."""

    delivery_id: UUID
    number: int
    started_at: datetime
    duration_ms: int
    outcome: str
    status_code: int | None
    answer: str | None
    error: str | None


class DeliveryFilter(msgspec.Struct, frozen=True):
    """Which deliveries are wanted. None means all."""

    user_id: UUID | None = None
    status: DeliveryStatus | None = None
    job_id: UUID | None = None
    endpoint_id: UUID | None = None
    since: datetime | None = None  #: created at this time or later
    host: str | None = None  #: of the URL, with its port if it has one
    process_number: str | None = None  #: 20 digits


_DELIVERY = (
    "SELECT deliveries.id, deliveries.user_id, deliveries.process_number, deliveries.job_id, deliveries.endpoint_id,"
    " events.type AS event_type, deliveries.url, deliveries.host, deliveries.status, deliveries.next_attempt_at,"
    " deliveries.resend_at, deliveries.last_error, deliveries.created_at, deliveries.completed_at"
    " FROM deliveries LEFT JOIN events ON events.id = deliveries.event_id"
)


async def find(connection: Connection, delivery_id: UUID, *, user_id: UUID | None) -> DeliveryRow | None:
    """Return a delivery; with `user_id`, only if it is this user's."""
    row = await connection.fetch_one(
        f"{_DELIVERY} WHERE deliveries.id = :id AND (CAST(:user_id AS uuid) IS NULL OR deliveries.user_id = :user_id)",
        {"id": delivery_id, "user_id": user_id},
    )
    return as_optional(row, DeliveryRow)


async def page(
    connection: Connection, wanted: DeliveryFilter, *, after: Position[UUID] | None, limit: int
) -> list[DeliveryRow]:
    """Return the matching deliveries, newest first, starting after a position.

    With `since`, only up to the horizon: a client that asks again with the time of the newest one misses none.
    """
    values = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    # A literal: with a parameter, PostgreSQL would plan for any status and read the deliveries of all of them.
    conditions = [f"deliveries.status = '{values.pop('status')}'"] if wanted.status else []
    conditions += [f"deliveries.{name} = :{name}" for name in values if name not in {"since", "host"}]
    order = "deliveries.created_at DESC, deliveries.id DESC"
    if wanted.host is not None:
        # It is only one host, so the order is the same. With the host in ORDER BY, PostgreSQL uses the index on both:
        # otherwise it may look for the host in the deliveries of all hosts.
        conditions.append("deliveries.host BETWEEN :host AND :host")
        order = f"deliveries.host, {order}"
    if wanted.since is not None:
        conditions.append("deliveries.created_at >= :since AND deliveries.created_at < :horizon")
        values["horizon"] = await horizon(connection)
    if after is not None:
        conditions.append("(deliveries.created_at, deliveries.id) < (:moment, :after_id)")
        values |= {"moment": after.moment, "after_id": after.key}
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = await connection.fetch_all(
        # The limit is written out too: without it a plan for all values looks dear, and each call is planned anew.
        f"{_DELIVERY}{where} ORDER BY {order} LIMIT {limit:d}",
        values,
    )
    return [as_struct(row, DeliveryRow) for row in rows]


async def attempts_of(
    connection: Connection, delivery_ids: Sequence[UUID], *, newest: int | None = None
) -> dict[UUID, list[AttemptRow]]:
    """Return the attempts of each delivery in their order; with `newest`, only that many of the latest."""
    rows = await connection.fetch_all(
        "SELECT delivery_id, number, started_at, duration_ms, outcome, status_code, answer, error FROM"
        " (SELECT *, row_number() OVER (PARTITION BY delivery_id ORDER BY number DESC) AS place"
        " FROM delivery_attempts WHERE delivery_id = ANY(CAST(:ids AS uuid[]))) AS ranked"
        " WHERE place <= coalesce(CAST(:newest AS integer), place) ORDER BY number",
        {"ids": list(delivery_ids), "newest": newest},
    )
    found: dict[UUID, list[AttemptRow]] = {delivery_id: [] for delivery_id in delivery_ids}
    for row in rows:
        found[row["delivery_id"]].append(as_struct(row, AttemptRow))
    return found
