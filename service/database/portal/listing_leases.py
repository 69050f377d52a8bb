"""Which process asks the portal for the listing of a case: one row per case, leased for seconds.

Each statement commits by itself, so a process that stands still holds no lock, and no connection is held while the
portal is asked. All times are those of the database's clock.
"""

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct
from service.domain.process_number import ProcessNumber

LEASE = timedelta(seconds=3)  # renewed each second: a killed or frozen process holds the others up for so long
KEEP = timedelta(minutes=1)  # requests wait for an outcome for some seconds


class ListingOutcome(StrEnum):
    """How a listing ended."""

    LISTED = "listed"
    """The listing was registered in the transaction that wrote this."""
    NOT_FOUND = "not_found"
    DENIED = "denied"
    UNAVAILABLE = "unavailable"


class Lease(msgspec.Struct, frozen=True):
    """The right to ask for a listing of a case."""

    number: ProcessNumber
    holder: UUID
    asked: int  #: the place of the listing among all of them


class Seen(msgspec.Struct, frozen=True):
    """What `take` found."""

    leased: int | None  #: the place of the listing that the caller is to ask for; None if it is not to ask
    is_listed: bool  #: an earlier listing is registered
    asked: int | None = None  #: the place of the listing of the process that asks, or asked last
    age: float | None = None  #: seconds since that one was begun
    outcome: ListingOutcome | None = None  #: of that one; None while it is under way
    retry_after: float | None = None


_USABLE = (
    "(lease.outcome IS NOT NULL"
    " AND CASE WHEN :forced THEN lease.asked_at ELSE lease.ended_at END >= now() - CAST(:waited AS interval))"
)
_TAKE = (
    # Rows are forgotten by who comes later. Skipped if locked: two statements never wait for each other.
    "WITH gone AS (DELETE FROM listing_leases WHERE number IN (SELECT number FROM listing_leases"
    " WHERE expires_at < now() - CAST(:keep AS interval) AND number <> :number"
    " ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED)),"
    " known AS (SELECT EXISTS (SELECT 1 FROM processes WHERE number = :number AND listed_at IS NOT NULL) AS is_listed),"
    " taken AS (INSERT INTO listing_leases AS lease (number, holder, asked, asked_at, expires_at)"
    " SELECT :number, :holder, nextval('listings_asked'), now(), now() + CAST(:length AS interval) FROM known"
    " WHERE CAST(:forced AS boolean) OR NOT is_listed"
    " ON CONFLICT (number) DO UPDATE SET holder = excluded.holder, asked = excluded.asked,"
    " asked_at = excluded.asked_at, expires_at = excluded.expires_at, outcome = NULL, ended_at = NULL,"
    " retry_after = NULL"
    f" WHERE (lease.outcome IS NOT NULL OR lease.expires_at < now()) AND NOT {_USABLE} RETURNING asked)"
    " SELECT (SELECT asked FROM taken) AS leased, is_listed, lease.asked,"
    " CAST(extract(epoch FROM now() - lease.asked_at) AS double precision) AS age,"
    f" CASE WHEN {_USABLE} THEN lease.outcome END AS outcome, lease.retry_after"
    " FROM known LEFT JOIN listing_leases AS lease ON lease.number = :number"
)


async def take(
    connection: Connection, number: ProcessNumber, holder: UUID, *, is_forced: bool, waited: timedelta
) -> Seen:
    """Lease the listing of a case, unless the caller can use another one or has to wait for it.

    `waited`: since the caller was asked. A listing can be used if it ended after that, or, with `is_forced`, if it was
    begun after that. Without `is_forced` a case that is listed needs no listing.
    """
    row = await connection.fetch_one(
        _TAKE,
        {
            "number": number.digits,
            "holder": holder,
            "forced": is_forced,
            "waited": waited,
            "length": LEASE,
            "keep": KEEP,
        },
    )
    if row is None:
        raise LookupError("a query of one row has a row")
    return as_struct(row, Seen)


async def renew(connection: Connection, lease: Lease) -> None:
    """Keep the lease while the portal is asked. One that was lost stays lost."""
    await connection.execute(
        "UPDATE listing_leases SET expires_at = now() + :length"
        " WHERE number = :number AND holder = :holder AND outcome IS NULL",
        {"number": lease.number.digits, "holder": lease.holder, "length": LEASE},
    )


async def end(
    connection: Connection, lease: Lease, outcome: ListingOutcome, *, retry_after: float | None = None
) -> None:
    """Write the outcome for those who wait. `clock_timestamp`: the transaction may have begun long before."""
    await connection.execute(
        "UPDATE listing_leases SET outcome = :outcome, retry_after = :retry_after, ended_at = clock_timestamp(),"
        " expires_at = clock_timestamp() WHERE number = :number AND holder = :holder AND outcome IS NULL",
        {
            "number": lease.number.digits,
            "holder": lease.holder,
            "outcome": outcome,
            "retry_after": retry_after,
        },
    )


async def give_up(connection: Connection, lease: Lease) -> None:
    """Let another process ask at once."""
    await connection.execute(
        "DELETE FROM listing_leases WHERE number = :number AND holder = :holder AND outcome IS NULL",
        {"number": lease.number.digits, "holder": lease.holder},
    )
