"""Leases of rows: claimed, renewed, held, released, enqueued again. All kinds of leased work use these statements.

Every write under a lease names its token. If the lease was lost, the token matches no row, and nothing is written. All
times are those of the database's clock. `docs/decisions/0003-leases.md` has the reasons.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import msgspec

from service.database.connection import Connection, Record, as_struct

MESSAGE_BACKOFF = timedelta(seconds=30)  # how long the message for an overdue row may wait in Redis

NO_LEASE = "lease_token = NULL, lease_expires_at = NULL"
OWNED = "id = :id AND lease_token = :lease"


class LeaseLost(Exception):
    """The work was cancelled, or another worker claimed it. This worker must stop working on it."""


class Clock(StrEnum):
    """What a statement calls now."""

    TRANSACTION = "now()"
    WALL = "clock_timestamp()"
    """For transactions that wait for a lock: what others wrote meanwhile is due."""


class Leased(Protocol):
    """A row that this process has claimed."""

    @property
    def id(self) -> UUID:
        """The key of the row."""

    @property
    def lease(self) -> UUID:
        """The token of the lease."""


class Enqueued(msgspec.Struct, frozen=True):
    """A row that needs a message. `enqueue_count` makes its id unique: arq drops a message whose id is queued."""

    id: UUID
    enqueue_count: int


class LeasedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table with the columns `id`, `lease_token` and `lease_expires_at`, and one for its messages.

    The texts are SQL and become part of statements. They are constants of this room, never input.
    """

    name: str
    is_due: str
    """Condition of a row that may be claimed if its lease is free."""
    clock: Clock = Clock.TRANSACTION
    enqueue_at: str = "enqueue_at"
    """Column: when the sweep sends another message for the row. NULL: never."""
    enqueue_count: str = "enqueue_count"
    """Column: how many further messages were sent."""
    order: str = "enqueue_at"
    """Which overdue rows get their message first."""
    at_claim: str = ""
    """Assignments of a claim beside those of the lease. `:term` is the term."""
    at_release: str = ""
    """Assignments of a release beside those of the lease."""

    @property
    def moment(self) -> str:
        """Now, for comparisons. A subquery, because PostgreSQL uses no index for a volatile function."""
        return self.clock.value if self.clock is Clock.TRANSACTION else f"(SELECT {self.clock.value})"

    @property
    def is_free(self) -> str:
        """Condition: no worker has the row, or its lease has ended."""
        return f"coalesce({self.name}.lease_expires_at < {self.moment}, true)"

    @property
    def is_claimable(self) -> str:
        """Condition: the row is due and free."""
        return f"{self.is_due} AND {self.is_free}"

    @property
    def claimed(self) -> str:
        """Assignments that lease a row as `:lease` for `:term`."""
        leased = f"lease_token = :lease, lease_expires_at = {self.clock.value} + :term"
        return f"{leased}, {self.at_claim}" if self.at_claim else leased

    @property
    def released(self) -> str:
        """Assignments that take the lease from a row."""
        return f"{NO_LEASE}, {self.at_release}" if self.at_release else NO_LEASE


async def claim(
    connection: Connection, table: LeasedTable, row_id: UUID, lease: UUID, *, term: timedelta, returning: str = "id"
) -> Record | None:
    """Lease one row for `term`. None: it is not due, or another worker has it."""
    return await connection.fetch_one(
        f"UPDATE {table.name} SET {table.claimed} WHERE id = :id AND {table.is_claimable} RETURNING {returning}",
        {"id": row_id, "lease": lease, "term": term},
    )


async def renew(connection: Connection, table: LeasedTable, leased: Leased, *, term: timedelta) -> bool:
    """Extend the lease. False: it is lost."""
    row = await connection.fetch_one(
        f"UPDATE {table.name} SET lease_expires_at = {table.clock.value} + :term WHERE {OWNED} RETURNING id",
        {"id": leased.id, "lease": leased.lease, "term": term},
    )
    return row is not None


async def hold(connection: Connection, table: LeasedTable, leased: Leased) -> None:
    """Lock the row, so that its lease is not lost before the transaction ends. Raises `LeaseLost`."""
    row = await connection.fetch_one(
        f"SELECT 1 FROM {table.name} WHERE {OWNED} FOR UPDATE", {"id": leased.id, "lease": leased.lease}
    )
    if row is None:
        raise LeaseLost


async def release(
    connection: Connection,
    table: LeasedTable,
    leased: Leased,
    *,
    enqueue_at: str | None = None,
    delay: timedelta = timedelta(0),
    also: str = "",
    values: Mapping[str, Any] | None = None,
) -> None:
    """Give the row to other workers, after `delay`. Does nothing if the lease is lost.

    `enqueue_at`: expression for the column of that name, instead of now and `delay`. `also`: further assignments.
    """
    due = enqueue_at or f"{table.clock.value} + :delay"
    await connection.execute(
        f"UPDATE {table.name} SET {table.released}, {table.enqueue_at} = {due}{also and ', '}{also} WHERE {OWNED}",
        {"id": leased.id, "lease": leased.lease, "delay": delay, **(values or {})},
    )


async def note_message(
    connection: Connection,
    table: LeasedTable,
    where: str,
    values: Mapping[str, Any],
    *,
    returning: str = "",
) -> list[Record]:
    """Count one more message for each row that `where` chooses. Until `MESSAGE_BACKOFF` the sweep sends no other one.

    Returns the rows as `Enqueued`, with the columns of `returning`, which begins with a comma.
    """
    return await connection.fetch_all(
        f"UPDATE {table.name} SET {table.enqueue_count} = {table.enqueue_count} + 1,"
        f" {table.enqueue_at} = {table.clock.value} + :backoff WHERE {where}"
        f" RETURNING id, {table.enqueue_count} AS enqueue_count{returning}",
        {**values, "backoff": MESSAGE_BACKOFF},
    )


async def take_overdue(connection: Connection, table: LeasedTable, *, limit: int) -> list[Enqueued]:
    """Return rows that are due but have no message, at most `limit`. Any number of workers may call it at once."""
    overdue = (
        f"id IN (SELECT id FROM {table.name} WHERE {table.enqueue_at} <= {table.moment} AND {table.is_claimable}"
        f" ORDER BY {table.order} LIMIT :limit FOR UPDATE SKIP LOCKED)"
    )
    rows = await note_message(connection, table, overdue, {"limit": limit})
    return [as_struct(row, Enqueued) for row in rows]
