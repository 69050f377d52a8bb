"""Overdue deliveries: due, but without a message in Redis. The sweep and an attempt that frees a slot enqueue them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from service.database import leases
from service.database.connection import Connection, as_struct
from service.database.deliveries import places
from service.database.deliveries.deliveries import LEASED_DELIVERIES
from service.database.deliveries.places import ATTEMPT_CLASS, CLOCK, DUE_SINCE, FREE_LEASE
from service.domain.deliveries import (
    HOST_CONCURRENCY,
    HOST_FAILURES,
    HOST_PROBES_TOTAL,
    HOST_TOTAL,
    USER_PROBES,
    DeliveryMessage,
)

_NIL = UUID(int=0)


class Stop(msgspec.Struct, frozen=True):
    """A user at a host: the position after which a walk over the open deliveries continues."""

    host: str
    user_id: UUID


_START = Stop("", _NIL)


class Overdue(msgspec.Struct, frozen=True):
    """The messages to enqueue for some users at some hosts."""

    messages: list[DeliveryMessage]
    after: Stop | None  #: None: these were the last ones


class _Visited(msgspec.Struct):
    host: str
    user_id: UUID
    free: int


_FOLLOWING = (
    "(SELECT host, user_id FROM deliveries WHERE ring_at IS NOT NULL AND (host, user_id) > ({host}, {user_id})"
    "{only} ORDER BY host, user_id LIMIT 1)"
)


def _walk(*, one_host: bool) -> str:
    """Return SQL that jumps in the index from one user at a host to the next, without reading all their deliveries."""
    only = " AND host = :only" if one_host else ""
    first = _FOLLOWING.format(host=":host", user_id="CAST(:user_id AS uuid)", only=only)
    following = _FOLLOWING.format(host="walk.host", user_id="walk.user_id", only=only)
    return (
        f"WITH RECURSIVE walk AS (SELECT host, user_id, 1 AS step FROM {first} AS first"
        f" UNION ALL SELECT following.host, following.user_id, step + 1 FROM walk CROSS JOIN LATERAL {following}"
        " AS following WHERE step < :limit),"
        " leased AS (SELECT host, user_id, count(*) AS own, sum(count(*)) OVER (PARTITION BY host) AS total,"
        " sum(count(*) FILTER (WHERE failures >= :failing)) OVER (PARTITION BY host) AS probes"
        " FROM deliveries LEFT JOIN delivery_hosts USING (host, user_id)"
        f" WHERE lease_token IS NOT NULL AND lease_expires_at > {CLOCK} GROUP BY host, user_id)"
        " SELECT walk.host, walk.user_id, CAST(greatest(0, least("
        " CASE WHEN hosts.failures >= :failing THEN CAST(:probes AS integer) ELSE :at_once END - coalesce(own, 0),"
        " CAST(:in_all AS integer) - coalesce((SELECT max(total) FROM leased WHERE leased.host = walk.host), 0),"
        # least() ignores NULL: only users whose attempts fail share these.
        " CASE WHEN hosts.failures >= :failing THEN CAST(:probes_in_all AS integer)"
        " - coalesce((SELECT max(probes) FROM leased WHERE leased.host = walk.host), 0) END"
        " )) AS integer) AS free"
        " FROM walk LEFT JOIN leased USING (host, user_id) LEFT JOIN delivery_hosts AS hosts USING (host, user_id)"
        " ORDER BY step"
    )


_BOUNDS = {
    "failing": HOST_FAILURES,
    "probes": USER_PROBES,
    "at_once": HOST_CONCURRENCY,
    "in_all": HOST_TOTAL,
    "probes_in_all": HOST_PROBES_TOTAL,
}


async def take_overdue(
    connection: Connection, *, after: Stop | None = None, only: str | None = None, limit: int = 200
) -> Overdue:
    """Return overdue deliveries to enqueue again, of `limit` users at hosts: for each, at most as many as free slots.

    `after` is where the last call ended, `only` a host. Any number of workers may call it at once.
    """
    behind = after or _START
    values = {"host": behind.host, "user_id": behind.user_id, "limit": limit, **_BOUNDS}
    named = {} if only is None else {"only": only}
    rows = await connection.fetch_all(_walk(one_host=only is not None), values | named)
    visited = [as_struct(row, _Visited) for row in rows]
    last = Stop(visited[-1].host, visited[-1].user_id) if len(visited) == limit else None
    return Overdue(await _note_messages(connection, visited), last)


async def take_waiting(connection: Connection, host: str, user_id: UUID) -> list[DeliveryMessage]:
    """Return deliveries to enqueue that found no slot before an attempt ended. The caller holds the host's lock."""
    found = await places.look(connection, host, user_id)
    if found.was_full:
        return (await take_overdue(connection, only=host)).messages
    return await _note_messages(connection, [_Visited(host, user_id, found.free)])


def _overdue(attempt_class: int) -> str:
    return (
        f"(SELECT id, {attempt_class} AS class, {DUE_SINCE} AS since FROM deliveries"
        " WHERE host = stop.host AND user_id = stop.user_id AND ring_at IS NOT NULL"
        f" AND {ATTEMPT_CLASS} = {attempt_class} AND {DUE_SINCE} <= {CLOCK} AND ring_at <= {CLOCK} AND {FREE_LEASE}"
        f" ORDER BY {DUE_SINCE} LIMIT stop.free)"
    )


_OVERDUE = (
    "id IN (SELECT locked.id FROM deliveries AS locked WHERE locked.id IN (SELECT heads.id FROM"
    " unnest(CAST(:hosts AS text[]), CAST(:users AS uuid[]), CAST(:frees AS integer[])) AS stop (host, user_id, free)"
    f" CROSS JOIN LATERAL (SELECT id FROM ({_overdue(0)} UNION ALL {_overdue(1)}) AS both_kinds"
    " ORDER BY class, since LIMIT stop.free) AS heads)"
    f" AND locked.ring_at <= {CLOCK} FOR UPDATE SKIP LOCKED)"
)


async def _note_messages(connection: Connection, visited: list[_Visited]) -> list[DeliveryMessage]:
    stops = [each for each in visited if each.free]
    if not stops:
        return []
    chosen = {
        "hosts": [each.host for each in stops],
        "users": [each.user_id for each in stops],
        "frees": [each.free for each in stops],
    }
    return await note_messages(connection, _OVERDUE, chosen)


async def note_messages(connection: Connection, where: str, values: Mapping[str, Any]) -> list[DeliveryMessage]:
    """Return the messages of the deliveries that `where` chooses. Until `MESSAGE_BACKOFF` they are not overdue."""
    returning = ", attempts + 1 AS attempt"
    rows = await leases.note_message(connection, LEASED_DELIVERIES, where, values, returning=returning)
    return [as_struct(row, DeliveryMessage) for row in rows]
