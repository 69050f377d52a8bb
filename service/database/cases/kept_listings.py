"""Where the portal's answers are kept in the bucket, and which of these objects are to be removed.

An object is noted as left over before it is written. When a case names it, the note goes, and the object that the case
named before is noted instead. So none is lost, whenever a process is killed.
"""

from datetime import timedelta

import msgspec

from service.database.connection import Connection
from service.domain.process_number import ProcessNumber

UNNAMED_FOR = timedelta(days=1)  # until an object is removed that its writer never came to name
REPLACED_FOR = timedelta(hours=1)  # until a replaced object is removed: clients may be reading it
REMOVAL_LEASE = timedelta(hours=1)  # after this another worker removes an object, if the first one crashed


class WrittenListing(msgspec.Struct, frozen=True):
    """An answer of the portal, as it is written to the bucket."""

    number: ProcessNumber
    asked: int  #: the place of the listing among all of them
    key: str
    sha256: str  #: of the uncompressed bytes
    size: int  #: bytes before compression
    charset: str | None
    is_redacted: bool


async def is_kept(connection: Connection, listing: WrittenListing) -> bool:
    """True if the case's object has these bytes already; they are noted as taken now. Also true if a newer one is kept.

    Also true for a case without data, which has no place for them.
    """
    row = await connection.fetch_one(
        "WITH same AS (UPDATE case_data SET listing_taken_at = now(), listing_place = :asked"
        " WHERE process_number = :number AND listing_sha256 = :sha256 AND listing_is_redacted = :is_redacted"
        " AND listing_charset IS NOT DISTINCT FROM :charset AND listing_place < :asked RETURNING 1)"
        " SELECT EXISTS (SELECT 1 FROM same) OR coalesce(listing_place >= :asked, false) AS is_kept"
        " FROM case_data WHERE process_number = :number",
        {
            "number": listing.number.digits,
            "asked": listing.asked,
            "sha256": listing.sha256,
            "is_redacted": listing.is_redacted,
            "charset": listing.charset,
        },
    )
    return True if row is None else bool(row["is_kept"])


async def note(connection: Connection, key: str) -> None:
    """Note an object as left over. Must be committed before the object is written."""
    await connection.execute(
        "INSERT INTO listing_leftovers (key, remove_at) VALUES (:key, now() + :kept)",
        {"key": key, "kept": UNNAMED_FOR},
    )


_NAME = """
WITH noted AS (DELETE FROM listing_leftovers WHERE key = :key AND NOT is_doomed AND EXISTS (
        SELECT 1 FROM case_data WHERE process_number = :number AND coalesce(listing_place < :asked, true))
    RETURNING key),
known AS (SELECT listing_key FROM case_data WHERE process_number = :number),
replaced AS (INSERT INTO listing_leftovers (key, remove_at)
    SELECT listing_key, now() + :kept FROM known, noted WHERE listing_key IS NOT NULL)
UPDATE case_data SET listing_key = :key, listing_place = :asked, listing_sha256 = :sha256, listing_size = :size,
    listing_charset = :charset, listing_is_redacted = :is_redacted, listing_taken_at = now()
FROM noted WHERE process_number = :number RETURNING noted.key
"""


async def name(connection: Connection, listing: WrittenListing) -> bool:
    """Let the case name the object. False: a newer one is named, or the object is being removed.

    The caller holds the lock of the process.
    """
    values = msgspec.structs.asdict(listing) | {"number": listing.number.digits, "kept": REPLACED_FOR}
    return await connection.fetch_val(_NAME, values) is not None


async def take_left_over(connection: Connection, *, limit: int) -> list[str]:
    """Return the keys of objects to remove. No other worker gets them for `REMOVAL_LEASE`."""
    rows = await connection.fetch_all(
        "UPDATE listing_leftovers SET is_doomed = true, remove_at = now() + :lease WHERE key IN (SELECT key"
        " FROM listing_leftovers WHERE remove_at <= now() ORDER BY remove_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
        " RETURNING key",
        {"lease": REMOVAL_LEASE, "limit": limit},
    )
    return [row["key"] for row in rows]


async def forget(connection: Connection, key: str) -> None:
    """Delete the note of an object that was removed."""
    await connection.execute("DELETE FROM listing_leftovers WHERE key = :key", {"key": key})
