"""Monitors: who watches which case. Their cases are checked by the rows of `watches`.

Whoever writes both locks the process first, then its watch, then its monitors.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from service.database.cases import processes
from service.database.connection import Connection, as_optional, as_struct
from service.database.horizon import horizon
from service.domain.monitoring.monitors import Monitor, MonitorStatus, MonitorWish
from service.domain.positions import Position
from service.domain.process_number import ProcessNumber


class PutMonitor(msgspec.Struct, frozen=True):
    """A monitor that was put, and what the caller must enqueue after the commit."""

    monitor: Monitor
    is_new: bool
    watch_id: UUID | None  #: of a check that is due now; None if there is none


class MonitorFilter(msgspec.Struct, frozen=True):
    """Which monitors are wanted. None means all."""

    status: MonitorStatus | None = None
    changed_since: datetime | None = None


_MONITOR = (
    "SELECT monitors.id, monitors.process_number, user_id, monitors.every, webhook_url, description,"
    " monitors.created_at, CASE WHEN told IS NOT NULL THEN last_checked_at END AS last_checked_at, last_changed_at,"
    " least(next_check_at, check_requested_at) AS next_check_at, consecutive_failures, last_error_code, is_failing"
    " FROM monitors JOIN watches ON watches.process_number = monitors.process_number"
)


async def put(connection: Connection, wish: MonitorWish, *, is_listed_now: bool = False) -> PutMonitor | None:
    """Add or change a user's monitor of a case. Needs a transaction, and locks the process. None: no such process.

    A new monitor is checked at once; what that check finds is its baseline. `is_listed_now`: this very request had the
    case listed, and that listing is the baseline. A changed one keeps its baseline.
    """
    if not await processes.lock(connection, wish.number):
        return None
    is_new = await _write(connection, wish, is_listed_now=is_listed_now)
    watch_id = await _watch(connection, wish, is_requested=is_new and not is_listed_now)
    monitor = await find(connection, wish.number, wish.user_id)
    if monitor is None:
        raise LookupError("a monitor that was written exists")
    return PutMonitor(monitor, is_new, watch_id if is_new and not is_listed_now else None)


async def _write(connection: Connection, wish: MonitorWish, *, is_listed_now: bool) -> bool:
    """Write the row of a monitor. Returns whether it is new."""
    is_new: bool = await connection.fetch_val(
        "INSERT INTO monitors (id, process_number, user_id, every, webhook_url, description, told, secrecy_level)"
        " SELECT :id, number, :user_id, :every, :url, :description,"
        " CASE WHEN :listed THEN listing_asked END, CASE WHEN :listed THEN secrecy_level END"
        " FROM processes WHERE number = :number"
        " ON CONFLICT (process_number, user_id) DO UPDATE SET every = excluded.every,"
        " webhook_url = excluded.webhook_url, description = excluded.description RETURNING xmax = 0",
        {
            "id": uuid4(),
            "number": wish.number.digits,
            "user_id": wish.user_id,
            "every": wish.every,
            "url": wish.webhook_url,
            "description": wish.description,
            "listed": is_listed_now,
        },
    )
    return is_new


_SHORTEST = "(SELECT min(every) FROM monitors WHERE monitors.process_number = :number)"


async def _watch(connection: Connection, wish: MonitorWish, *, is_requested: bool) -> UUID:
    """Add or change the row of the checks. Returns its id."""
    watch_id: UUID = await connection.fetch_val(
        "INSERT INTO watches (id, process_number, every, next_check_at, check_requested_at, last_checked_at)"
        f" SELECT :id, number, {_SHORTEST}, now() + :every, CASE WHEN :requested THEN clock_timestamp() END,"
        " CASE WHEN NOT :requested THEN listed_at END FROM processes WHERE number = :number"
        # The next check goes on as planned, or comes earlier if the case is to be checked more often now.
        " ON CONFLICT (process_number) DO UPDATE SET every = excluded.every,"
        " next_check_at = least(watches.next_check_at, now() + excluded.every),"
        " check_requested_at = CASE WHEN :requested THEN clock_timestamp() ELSE watches.check_requested_at END"
        " RETURNING id",
        {"id": uuid4(), "number": wish.number.digits, "every": wish.every, "requested": is_requested},
    )
    return watch_id


async def find(connection: Connection, number: ProcessNumber, user_id: UUID) -> Monitor | None:
    """Return a user's monitor of a case."""
    row = await connection.fetch_one(
        f"{_MONITOR} WHERE monitors.process_number = :number AND user_id = :user_id",
        {"number": number.digits, "user_id": user_id},
    )
    return as_optional(row, Monitor)


async def delete(connection: Connection, number: ProcessNumber, user_id: UUID) -> bool:
    """Delete a user's monitor; with the last one its case's checks end. Needs a transaction. False: there is none."""
    await processes.lock(connection, number)
    values = {"number": number.digits, "user_id": user_id}
    row = await connection.fetch_one(
        "DELETE FROM monitors WHERE process_number = :number AND user_id = :user_id RETURNING 1", values
    )
    if row is None:
        return False
    await end_unwatched(connection, number)
    return True


async def end_unwatched(connection: Connection, number: ProcessNumber) -> None:
    """Bring a watch up to its monitors, or delete it if there are none. The caller holds the lock of the process."""
    values = {"number": number.digits}
    shortest: timedelta | None = await connection.fetch_val(f"SELECT {_SHORTEST}", values)
    if shortest is None:
        await connection.execute("DELETE FROM watches WHERE process_number = :number", values)
        return
    await connection.execute(
        "UPDATE watches SET every = :every WHERE process_number = :number", {**values, "every": shortest}
    )


async def request_check(connection: Connection, number: ProcessNumber, user_id: UUID) -> UUID | None:
    """Have a case that this user watches checked once, now. Returns the id of the watch, to enqueue after the commit.

    None: the user does not watch it. Repeated requests are one check, until it has begun.
    """
    watch_id: UUID | None = await connection.fetch_val(
        "UPDATE watches SET check_requested_at = clock_timestamp() WHERE process_number = :number"
        " AND EXISTS (SELECT 1 FROM monitors WHERE monitors.process_number = :number AND user_id = :user_id)"
        " RETURNING id",
        {"number": number.digits, "user_id": user_id},
    )
    return watch_id


async def count_of_user(connection: Connection, user_id: UUID, *, most: int) -> int:
    """Count the monitors of a user, up to `most`."""
    count: int = await connection.fetch_val(
        "SELECT count(*) FROM (SELECT 1 FROM monitors WHERE user_id = :user_id LIMIT :most) AS counted",
        {"user_id": user_id, "most": most},
    )
    return count


async def page(
    connection: Connection, user_id: UUID, wanted: MonitorFilter, *, after: Position[UUID] | None, limit: int
) -> list[Monitor]:
    """Return a user's matching monitors, newest first, starting after a position: `created_at` and id.

    With `changed_since`, in the order in which changes were told, up to the horizon: the position is that of
    `last_changed_at`.
    """
    values: dict[str, Any] = {"user_id": user_id, "limit": limit}
    conditions = ["user_id = :user_id"]
    if wanted.status is not None:
        conditions.append("is_failing = :is_failing")
        values["is_failing"] = wanted.status is MonitorStatus.FAILING
    column, order, beyond = "monitors.created_at", "DESC", "<"
    if wanted.changed_since is not None:
        column, order, beyond = "last_changed_at", "ASC", ">"
        conditions += ["last_changed_at >= :since", "last_changed_at < :horizon"]
        values |= {"since": wanted.changed_since, "horizon": await horizon(connection)}
    if after is not None:
        conditions.append(f"({column}, monitors.id) {beyond} (:moment, :after)")
        values |= {"moment": after.moment, "after": after.key}
    rows = await connection.fetch_all(
        f"{_MONITOR} WHERE {' AND '.join(conditions)} ORDER BY {column} {order}, monitors.id {order} LIMIT :limit",
        values,
    )
    return [as_struct(row, Monitor) for row in rows]
