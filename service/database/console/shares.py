"""Links to one case for people who have no key. Tokens are stored as hashes."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from service.database.connection import Connection, as_optional, as_struct
from service.domain.process_number import ProcessNumber

SHARES_SHOWN = 50  # of one case, the newest


class Share(msgspec.Struct, frozen=True):
    """A link, without its token."""

    id: UUID
    process_number: str  #: 20 digits
    user_id: UUID  #: who shares
    is_single_use: bool
    created_at: datetime
    expires_at: datetime
    opened_at: datetime | None  #: for the first time
    revoked_at: datetime | None


_COLUMNS = ", ".join(f"case_shares.{name}" for name in Share.__struct_fields__)
#: Neither ended nor of a user who is gone.
_LIVE = (
    "case_shares.revoked_at IS NULL AND case_shares.expires_at > now()"
    " AND EXISTS (SELECT FROM users WHERE users.id = case_shares.user_id AND users.deleted_at IS NULL)"
)


async def add(
    connection: Connection,
    digest: bytes,
    number: ProcessNumber,
    user_id: UUID,
    *,
    is_single_use: bool,
    life: timedelta,
) -> bool:
    """Add a link. `digest`: of its token. False: there is no such case."""
    row = await connection.fetch_one(
        "INSERT INTO case_shares (id, hash, process_number, user_id, is_single_use, expires_at)"
        " SELECT :id, :hash, number, :user_id, :is_single_use, now() + :life FROM processes WHERE number = :number"
        " RETURNING id",
        {
            "id": uuid4(),
            "hash": digest,
            "number": number.digits,
            "user_id": user_id,
            "is_single_use": is_single_use,
            "life": life,
        },
    )
    return row is not None


async def open_once(connection: Connection, digest: bytes, opened: bytes) -> Share | None:
    """Open a link by the hash of its token. None: it is unknown, has ended, or was used.

    `opened`: the hash of what the browser keeps of a link for a single use: it alone may look at the case from now on.
    """
    row = await connection.fetch_one(
        "UPDATE case_shares SET opened_at = coalesce(opened_at, now()),"
        " opened_hash = CASE WHEN is_single_use THEN CAST(:opened AS bytea) END"
        f" WHERE hash = :hash AND {_LIVE} AND NOT (is_single_use AND opened_at IS NOT NULL) RETURNING {_COLUMNS}",
        {"hash": digest, "opened": opened},
    )
    return as_optional(row, Share)


async def find(connection: Connection, share_id: UUID, digest: bytes) -> Share | None:
    """Return a link that has not ended. `digest`: of what the browser keeps of it."""
    row = await connection.fetch_one(
        f"SELECT {_COLUMNS} FROM case_shares WHERE id = :id AND {_LIVE}"
        " AND CASE WHEN is_single_use THEN opened_hash ELSE hash END = :digest",
        {"id": share_id, "digest": digest},
    )
    return as_optional(row, Share)


async def of_case(connection: Connection, number: ProcessNumber, user_id: UUID | None) -> list[Share]:
    """Return the newest links to a case that have not ended; with `user_id`, only this user's."""
    rows = await connection.fetch_all(
        f"SELECT {_COLUMNS} FROM case_shares WHERE process_number = :number AND {_LIVE}"
        " AND (CAST(:user_id AS uuid) IS NULL OR user_id = :user_id)"
        f" ORDER BY created_at DESC LIMIT {SHARES_SHOWN}",
        {"number": number.digits, "user_id": user_id},
    )
    return [as_struct(row, Share) for row in rows]


async def revoke(connection: Connection, share_id: UUID, user_id: UUID | None) -> Share | None:
    """End a link; with `user_id`, only this user's. None: there is none that has not ended."""
    row = await connection.fetch_one(
        f"UPDATE case_shares SET revoked_at = now() WHERE id = :id AND {_LIVE}"
        f" AND (CAST(:user_id AS uuid) IS NULL OR user_id = :user_id) RETURNING {_COLUMNS}",
        {"id": share_id, "user_id": user_id},
    )
    return as_optional(row, Share)
