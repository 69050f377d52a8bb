"""The slots of a user at a host: how many attempts may be under way, and which delivery gets the next slot.

One user's URLs at a host share a few slots, and all users' URLs share some more. A transaction that counts or takes
slots holds the lock of the host, so that two workers never take the same one.
"""

from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct
from service.database.deliveries.deliveries import LEASED_DELIVERIES
from service.domain.deliveries import (
    HOST_CONCURRENCY,
    HOST_FAILURES,
    HOST_PROBES_TOTAL,
    HOST_TOTAL,
    USER_PROBES,
)

CLOCK, FREE_LEASE, DUE = LEASED_DELIVERIES.moment, LEASED_DELIVERIES.is_free, LEASED_DELIVERIES.is_claimable
#: The expressions of the index `deliveries_due`: 0 for first attempts and requested resends, and due since when.
ATTEMPT_CLASS = "(CASE WHEN attempts = 0 OR resend_at IS NOT NULL THEN 0 ELSE 1 END)"
DUE_SINCE = "least(resend_at, next_attempt_at)"


class Places(msgspec.Struct, frozen=True):
    """Attempts under way at a host, as counted for one user."""

    failures: int  #: of this user's attempts there, in a row
    longest_next: bool  #: the next contested slot goes to the delivery that has been due longest
    own: int  #: attempts of this user
    probes: int  #: attempts of users whose attempts there keep failing, this one's included
    total: int  #: of all users

    @property
    def is_failing(self) -> bool:
        """Whether the user's attempts there keep failing."""
        return self.failures >= HOST_FAILURES

    @property
    def free(self) -> int:
        """How many more attempts the user may start there."""
        free = min(self.bound - self.own, HOST_TOTAL - self.total)
        return max(0, min(free, HOST_PROBES_TOTAL - self.probes) if self.is_failing else free)

    @property
    def bound(self) -> int:
        """How many slots this user has there."""
        return USER_PROBES if self.is_failing else HOST_CONCURRENCY

    @property
    def was_full(self) -> bool:
        """Whether the attempt that has just ended may have kept another user waiting."""
        return self.total + 1 >= HOST_TOTAL or self.probes + 1 >= HOST_PROBES_TOTAL


async def lock(connection: Connection, host: str) -> None:
    """Make other claims and records at a host wait until this transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(:host, 0))", {"host": host})


async def look(connection: Connection, host: str, user_id: UUID) -> Places:
    """Count the attempts under way. Call it after `lock`, to see what the previous holder of the lock wrote."""
    row = await connection.fetch_one(
        "SELECT coalesce(max(own.failures), 0) AS failures, coalesce(bool_or(own.longest_next), false) AS longest_next,"
        " count(leased.user_id) AS total, count(*) FILTER (WHERE leased.user_id = :user_id) AS own,"
        " count(*) FILTER (WHERE others.failures >= :failing) AS probes"
        " FROM (SELECT 1) AS one"
        " LEFT JOIN delivery_hosts AS own ON own.host = :host AND own.user_id = :user_id"
        " LEFT JOIN (SELECT host, user_id FROM deliveries WHERE host = :host AND lease_token IS NOT NULL"
        f" AND lease_expires_at > {CLOCK}) AS leased ON true"
        " LEFT JOIN delivery_hosts AS others ON others.host = leased.host AND others.user_id = leased.user_id",
        {"host": host, "user_id": user_id, "failing": HOST_FAILURES},
    )
    if row is None:
        raise LookupError("an aggregate without groups has a row")
    return as_struct(row, Places)


def _head(attempt_class: int) -> str:
    return (
        f"SELECT id, {ATTEMPT_CLASS} AS class, {DUE_SINCE} AS since, true AS other FROM deliveries"
        f" WHERE host = :host AND user_id = :user_id AND ring_at IS NOT NULL AND {ATTEMPT_CLASS} = {attempt_class}"
        f" AND {DUE_SINCE} <= {CLOCK} AND {FREE_LEASE}"
        # A requested resend that failed through a fault of this service has its pause only in `ring_at`.
        f" AND (resend_at IS NULL OR ring_at <= {CLOCK}) ORDER BY {DUE_SINCE} LIMIT 1"
    )


_NEXT = (
    f"WITH candidates AS (({_head(0)}) UNION ALL ({_head(1)})"
    f" UNION ALL SELECT id, {ATTEMPT_CLASS}, {DUE_SINCE}, false FROM deliveries WHERE id = :id AND {DUE})"
    " SELECT id, (SELECT count(DISTINCT class) > 1 FROM candidates) AS contested FROM candidates"
    " ORDER BY CASE WHEN :longest THEN 0 ELSE class END, since, other LIMIT 1"
)


async def choose(
    connection: Connection, host: str, user_id: UUID, delivery_id: UUID, *, longest: bool
) -> tuple[UUID, bool] | None:
    """Return the delivery that gets the user's next slot: `delivery_id`, or one that is due and goes first.

    Contested slots go in turn to the delivery that has been due longest (`longest`) and to first attempts and resends,
    so that neither kind starves. The second value says whether the slot was contested. None: no delivery is due.
    """
    values = {"host": host, "user_id": user_id, "id": delivery_id, "longest": longest}
    row = await connection.fetch_one(_NEXT, values)
    return None if row is None else (row["id"], row["contested"])


async def take_turns(connection: Connection, host: str, user_id: UUID) -> None:
    """Give the next contested slot to the other kind."""
    await connection.execute(
        "INSERT INTO delivery_hosts (host, user_id, longest_next) VALUES (:host, :user_id, true)"
        " ON CONFLICT (host, user_id) DO UPDATE SET longest_next = NOT delivery_hosts.longest_next",
        {"host": host, "user_id": user_id},
    )


async def note_result(connection: Connection, host: str, user_id: UUID, *, works: bool) -> None:
    """Count one more failure in a row, or reset the count if the host works."""
    await connection.execute(
        "INSERT INTO delivery_hosts (host, user_id, failures, attempted_at)"
        " VALUES (:host, :user_id, CASE WHEN :works THEN 0 ELSE 1 END, clock_timestamp())"
        " ON CONFLICT (host, user_id) DO UPDATE SET attempted_at = clock_timestamp(),"
        " failures = CASE WHEN :works THEN 0 ELSE delivery_hosts.failures + 1 END",
        {"host": host, "user_id": user_id, "works": works},
    )
