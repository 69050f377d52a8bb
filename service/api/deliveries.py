"""`/webhooks/deliveries`: what was sent, what came of it, and how to have it sent again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from starlette.responses import Response

from service.api import pagination, parameters
from service.api.authentication import caller, presented_key
from service.api.bodies import json_body
from service.api.pagination import Page
from service.api.problems import Problem
from service.api.responses import json_response
from service.api.state import ApiRequest
from service.database import deliveries, delivery_history
from service.database.connection import Connection
from service.database.delivery_history import AttemptRow, DeliveryFilter, DeliveryRow, Position
from service.database.users import User
from service.domain.deliveries import message_id
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DeliveryStatus

ATTEMPTS_LISTED = 20  # of each delivery in a list; one delivery alone shows them all
RUNG_AT_ONCE = 200  # after a recovery; the sweep rings for the rest


class AttemptView(msgspec.Struct, frozen=True):
    """One POST, or why there was none."""

    number: int
    started_at: datetime
    duration_ms: int
    outcome: str
    status_code: int | None
    answer: str | None
    error: str | None


class DeliveryView(msgspec.Struct, frozen=True):
    """One event for one subscriber."""

    id: UUID
    webhook_id: str
    user_id: UUID
    type: str | None
    process_number: str
    job_id: UUID | None
    webhook_url: str
    status: DeliveryStatus
    next_attempt_at: datetime | None
    resend_requested_at: datetime | None
    last_error: str | None
    created_at: datetime
    completed_at: datetime | None
    attempts: list[AttemptView]


class RecoverBody(msgspec.Struct, frozen=True):
    """From when on."""

    since: datetime


async def index(request: ApiRequest) -> Response:
    """The deliveries of the caller or, for an administrator, of everybody; the newest first."""
    api_key = presented_key(request)
    size = pagination.limit(request)
    after = _position(request)
    status = parameters.choice(request, "status", DeliveryStatus)
    job_id = parameters.identifier(request, "job_id")
    since = parameters.moment(request, "since")
    async with request.state["database"].connection() as connection:
        user = await caller(connection, api_key)
        wanted = DeliveryFilter(_owner(user), status, job_id, since)
        found = await delivery_history.page(connection, wanted, after=after, limit=size + 1)
        rows, cursor = pagination.cut(found, size, lambda row: Position(row.created_at, row.id))
        attempts = await delivery_history.attempts_of(connection, [row.id for row in rows], newest=ATTEMPTS_LISTED)
    return json_response(Page([_view(row, attempts[row.id]) for row in rows], cursor))


async def show(request: ApiRequest) -> Response:
    """One delivery with all its attempts."""
    api_key = presented_key(request)
    async with request.state["database"].connection() as connection:
        found = await _visible(connection, request, await caller(connection, api_key))
        return json_response(await _with_attempts(connection, found))


async def resend(request: ApiRequest) -> Response:
    """One more attempt now. What was scheduled stays scheduled, unless this one succeeds."""
    api_key = presented_key(request)
    async with request.state["database"].transaction() as connection:
        found = await _visible(connection, request, await caller(connection, api_key))
        ring = await deliveries.resend(connection, found.id)
        if ring is None:
            raise Problem(409, "delivery_not_due", "The job has not ended: there is nothing to send yet.")
        after = await delivery_history.find(connection, found.id, user_id=None)
        view = await _with_attempts(connection, after or found)
    await request.state["bell"].ring_delivery(ring.id, attempt=ring.attempt, rings=ring.rings, late=False)
    return json_response(view, 202)


async def recover(request: ApiRequest) -> Response:
    """Every delivery that has failed since a moment, again and with a whole schedule."""
    api_key = presented_key(request)
    async with request.state["database"].connection() as connection:
        user = await caller(connection, api_key)
    since = parameters.aware((await json_body(request, RecoverBody)).since, "since")
    async with request.state["database"].transaction() as connection:
        recovered = await deliveries.recover(connection, since=since, user_id=_owner(user))
        rings = await deliveries.take_overdue(connection, limit=RUNG_AT_ONCE) if recovered else []
    for ring in rings:
        await request.state["bell"].ring_delivery(ring.id, attempt=ring.attempt, rings=ring.rings)
    return json_response({"recovered": recovered}, 202)


def _position(request: ApiRequest) -> Position | None:
    given = pagination.position(request, Position)
    return None if given is None else Position(parameters.aware(given.moment, "cursor"), given.id)


def _owner(user: User) -> UUID | None:
    """Whose deliveries somebody sees: None for everybody's."""
    return None if user.role == "admin" else user.id


async def _visible(connection: Connection, request: ApiRequest, user: User) -> DeliveryRow:
    try:
        delivery_id = UUID(request.path_params["delivery_id"])
    except ValueError:
        raise _not_found() from None
    found = await delivery_history.find(connection, delivery_id, user_id=_owner(user))
    if found is None:
        raise _not_found()
    return found


async def _with_attempts(connection: Connection, row: DeliveryRow) -> DeliveryView:
    attempts = await delivery_history.attempts_of(connection, [row.id])
    return _view(row, attempts[row.id])


def _view(row: DeliveryRow, attempts: Sequence[AttemptRow]) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        webhook_id=message_id(row.id),
        user_id=row.user_id,
        type=row.event_type,
        process_number=ProcessNumber(row.process_number).masked,
        job_id=row.job_id,
        webhook_url=row.url,
        status=row.status,
        next_attempt_at=_utc(row.next_attempt_at),
        resend_requested_at=_utc(row.resend_at),
        last_error=row.last_error,
        created_at=row.created_at.astimezone(UTC),
        completed_at=_utc(row.completed_at),
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


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


def _not_found() -> Problem:
    return Problem(404, "delivery_not_found", "There is no such delivery of yours.")
