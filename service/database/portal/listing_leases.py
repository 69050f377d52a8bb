"""Which process asks the portal for the listing of a case: one row per case, leased for seconds.

Each statement commits by itself, so a frozen process holds no lock, and no connection is held while the portal is
asked. All times are those of the database's clock.
"""

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct
from service.domain.process_number import ProcessNumber

LISTING_LEASE = timedelta(seconds=3)  # renewed each second; if its holder is killed or frozen, others wait this long
OUTCOME_LIFETIME = timedelta(minutes=1)  # of a row after its end; requests wait for an outcome for some seconds


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
    asked: int  #: sequence number of the listing, from `listings_asked`


class Seen(msgspec.Struct, frozen=True):
    """What `take` found."""

    leased: int | None  #: sequence number of the listing that the caller must ask for; None if it must not ask
    is_listed: bool  #: an earlier listing is registered
    asked: int | None = None  #: sequence number of the listing that another process asks for, or asked for last
    age: float | None = None  #: seconds since that listing began
    outcome: ListingOutcome | None = None  #: of that listing; None while it is under way, or if it is too old
    retry_after: float | None = None  #: seconds


_USABLE = (
    "(lease.outcome IS NOT NULL"
    " AND CASE WHEN :forced THEN lease.asked_at ELSE lease.ended_at END >= now() - CAST(:waited AS interval))"
)
_TAKE = (
    # Each call deletes old rows of other cases. Locked ones are skipped: two statements never wait for each other.
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
    """Lease the listing of a case, unless the caller can use another listing or must wait for it.

    `waited`: time since the caller's request. A listing can be used if it ended after the request or, with
    `is_forced`, if it began after it. Without `is_forced`, a case that is already listed needs no listing.
    """
    row = await connection.fetch_one(
        _TAKE,
        {
            "number": number.digits,
            "holder": holder,
            "forced": is_forced,
            "waited": waited,
            "length": LISTING_LEASE,
            "keep": OUTCOME_LIFETIME,
        },
    )
    if row is None:
        raise LookupError("a query of one row has a row")
    return as_struct(row, Seen)


async def renew(connection: Connection, lease: Lease) -> None:
    """Extend the lease while the portal is asked. Does nothing if the lease was lost."""
    await connection.execute(
        "UPDATE listing_leases SET expires_at = now() + :length"
        " WHERE number = :number AND holder = :holder AND outcome IS NULL",
        {"number": lease.number.digits, "holder": lease.holder, "length": LISTING_LEASE},
    )


async def end(
    connection: Connection, lease: Lease, outcome: ListingOutcome, *, retry_after: float | None = None
) -> None:
    """Write the outcome for the processes that wait. `clock_timestamp`: the transaction may have begun long before."""
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
    """Release the lease without an outcome, so that another process can ask at once."""
    await connection.execute(
        "DELETE FROM listing_leases WHERE number = :number AND holder = :holder AND outcome IS NULL",
        {"number": lease.number.digits, "holder": lease.holder},
    )
