"""The endpoints of accounts: added, read, changed, deleted."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg
import msgspec

from service.database.connection import Connection, as_optional, as_struct
from service.database.deliveries import endpoint_secrets
from service.domain.deliveries import DisabledReason
from service.domain.positions import Position

ENDPOINTS_MAX = 20  # of one user: an event makes a delivery for each


class EndpointRow(msgspec.Struct, frozen=True):
    """An endpoint as its owner sees it, without its secrets."""

    id: UUID
    user_id: UUID
    url: str
    events: list[str]  #: types; "*" alone means all
    description: str | None
    created_at: datetime
    disabled_reason: DisabledReason | None  #: None: it is switched on
    disabled_at: datetime | None
    failing_since: datetime | None  #: the first failure since the last success
    last_error: str | None  #: of the last attempt; None after a success


class EndpointTaken(Exception):
    """The user has an endpoint with this URL."""


class TooManyEndpoints(Exception):
    """The user has `ENDPOINTS_MAX` endpoints."""


class Changes(msgspec.Struct, frozen=True):
    """What to change of an endpoint. UNSET: nothing."""

    url: str | msgspec.UnsetType = msgspec.UNSET
    events: Sequence[str] | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET
    is_enabled: bool | msgspec.UnsetType = msgspec.UNSET


_COLUMNS = ", ".join(EndpointRow.__struct_fields__)


async def add(
    connection: Connection, user_id: UUID, *, url: str, events: Sequence[str], description: str | None, secret: str
) -> UUID | None:
    """Add an endpoint with its secret. None: the user was deleted. Needs a transaction.

    Raises `EndpointTaken` and `TooManyEndpoints`.
    """
    # Locked, so that requests at once do not add more than a user may have.
    query = "SELECT 1 FROM users WHERE id = :id AND deleted_at IS NULL FOR NO KEY UPDATE"
    if await connection.fetch_one(query, {"id": user_id}) is None:
        return None
    count = await connection.fetch_val("SELECT count(*) FROM webhook_endpoints WHERE user_id = :id", {"id": user_id})
    if count >= ENDPOINTS_MAX:
        raise TooManyEndpoints
    endpoint_id: UUID | None = await connection.fetch_val(
        "INSERT INTO webhook_endpoints (id, user_id, url, events, description)"
        " VALUES (:id, :user_id, :url, :events, :description) ON CONFLICT (user_id, url) DO NOTHING RETURNING id",
        {"id": uuid4(), "user_id": user_id, "url": url, "events": list(events), "description": description},
    )
    if endpoint_id is None:
        raise EndpointTaken
    await endpoint_secrets.add(connection, endpoint_id, secret)
    return endpoint_id


async def find(connection: Connection, endpoint_id: UUID, *, user_id: UUID | None) -> EndpointRow | None:
    """Return an endpoint; with `user_id`, only if it is this user's."""
    row = await connection.fetch_one(
        f"SELECT {_COLUMNS} FROM webhook_endpoints WHERE id = :id"
        " AND (CAST(:user_id AS uuid) IS NULL OR user_id = :user_id)",
        {"id": endpoint_id, "user_id": user_id},
    )
    return as_optional(row, EndpointRow)


async def page(
    connection: Connection, *, user_id: UUID | None, after: Position[UUID] | None, limit: int
) -> list[EndpointRow]:
    """Return the endpoints of a user, or of all users, newest first, starting after a position."""
    conditions = ["true"] if user_id is None else ["user_id = :user_id"]
    values: dict[str, object] = {} if user_id is None else {"user_id": user_id}
    if after is not None:
        conditions.append("(created_at, id) < (:moment, :after_id)")
        values |= {"moment": after.moment, "after_id": after.key}
    rows = await connection.fetch_all(
        f"SELECT {_COLUMNS} FROM webhook_endpoints WHERE {' AND '.join(conditions)}"
        f" ORDER BY created_at DESC, id DESC LIMIT {limit:d}",
        values,
    )
    return [as_struct(row, EndpointRow) for row in rows]


#: A new start: what was before counts no more.
_AFRESH = "failing_since = NULL, burst_since = NULL, failed_at = NULL, failures = 0, last_error = NULL"


async def change(
    connection: Connection, endpoint_id: UUID, wanted: Changes, *, user_id: UUID | None
) -> EndpointRow | None:
    """Change an endpoint; with `user_id`, only if it is this user's. None: there is none. Raises `EndpointTaken`.

    Another URL, and switching on, begin a new count of failures. Open deliveries of the endpoint go to the new URL.
    """
    assignments, values = _assignments(wanted)
    try:
        row = await connection.fetch_one(
            f"UPDATE webhook_endpoints SET {', '.join(assignments)} WHERE id = :id"
            f" AND (CAST(:user_id AS uuid) IS NULL OR user_id = :user_id) RETURNING {_COLUMNS}",
            {"id": endpoint_id, "user_id": user_id, **values},
        )
    except asyncpg.UniqueViolationError:
        raise EndpointTaken from None
    return as_optional(row, EndpointRow)


def _assignments(wanted: Changes) -> tuple[list[str], dict[str, object]]:
    values = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not msgspec.UNSET}
    is_enabled = values.pop("is_enabled", None)
    assignments = ["id = id", *(f"{name} = :{name}" for name in values)]
    if is_enabled is False:
        # Switched off again: the first reason and its time stay.
        assignments.append("disabled_reason = coalesce(disabled_reason, 'requested')")
        assignments.append("disabled_at = coalesce(disabled_at, change_time())")
    elif is_enabled:
        assignments.append("disabled_reason = NULL, disabled_at = NULL")
    if is_enabled or "url" in values:
        assignments.append(_AFRESH)
    return assignments, values


async def delete(connection: Connection, endpoint_id: UUID, *, user_id: UUID | None) -> bool:
    """Delete an endpoint with its secrets; with `user_id`, only if it is this user's. False: there is none."""
    row = await connection.fetch_one(
        "DELETE FROM webhook_endpoints WHERE id = :id AND (CAST(:user_id AS uuid) IS NULL OR user_id = :user_id)"
        " RETURNING 1",
        {"id": endpoint_id, "user_id": user_id},
    )
    return row is not None
