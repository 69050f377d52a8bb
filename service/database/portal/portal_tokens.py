"""Tokens that the service renewed itself, and which process renews them now. Rotated ones are stored only here."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import msgspec

from service.database.connection import UNREACHABLE, Connection, as_optional

#: Every error of PostgreSQL: a rotated token must not be lost, not even because of a full disk or a standby.
DATABASE_FAILURES: tuple[type[Exception], ...] = (*UNREACHABLE, asyncpg.PostgresError)


class StoredTokens(msgspec.Struct, frozen=True):
    """The newest access token that was renewed from one configured refresh token."""

    access_token: str | None
    expires_in: float  #: seconds; negative if it has expired or the time is unknown
    life: float | None  #: seconds between its renewal and its expiry, if both are known


async def stored_tokens(connection: Connection, origin: str) -> StoredTokens | None:
    """Return the tokens that were renewed last, by any process. `origin`: of the configured refresh token."""
    row = await connection.fetch_one(
        "SELECT access_token,"
        " coalesce(CAST(extract(epoch FROM expires_at - now()) AS double precision), -1) AS expires_in,"
        " CAST(extract(epoch FROM expires_at - renewed_at) AS double precision) AS life"
        " FROM portal_tokens WHERE origin = :origin",
        {"origin": origin},
    )
    return as_optional(row, StoredTokens)


class Renewal(msgspec.Struct, frozen=True):
    """The right to renew the tokens."""

    refresh_token: str  #: the newest one
    previous_token: str | None  #: the one before it
    was_left: bool  #: another process began and stored no result: it may have crashed, or still hold new tokens


async def start_renewal(
    connection: Connection, origin: str, refresh_token: str, *, holder: UUID, term: timedelta
) -> Renewal | None:
    """Become the only process that renews, for `term`. None: another process has the right."""
    await connection.execute(
        "INSERT INTO portal_tokens (origin, refresh_token) VALUES (:origin, :token) ON CONFLICT DO NOTHING",
        {"origin": origin, "token": refresh_token},
    )
    row = await connection.fetch_one(
        "WITH free AS (SELECT refresh_token, previous_token, renewing_until IS NOT NULL AS was_left"
        " FROM portal_tokens WHERE origin = :origin AND coalesce(renewing_until < now(), true) FOR UPDATE)"
        " UPDATE portal_tokens SET renewing_until = now() + :term, renewing_by = :holder FROM free"
        " WHERE origin = :origin RETURNING free.refresh_token, free.previous_token, free.was_left",
        {"origin": origin, "term": term, "holder": holder},
    )
    return as_optional(row, Renewal)


async def keep_renewing(connection: Connection, origin: str, *, holder: UUID, term: timedelta) -> None:
    """Extend the right to renew for another `term`, if `holder` still has it."""
    await connection.execute(
        "UPDATE portal_tokens SET renewing_until = now() + :term WHERE origin = :origin AND renewing_by = :holder",
        {"origin": origin, "term": term, "holder": holder},
    )


async def end_renewal(
    connection: Connection,
    origin: str,
    *,
    replaces: str,
    access_token: str | None,
    refresh_token: str,
    age: timedelta,
    life: timedelta,
) -> bool:
    """Store tokens that were requested `age` ago, if `replaces` is still the newest refresh token. False: it is not.

    Does not check who has the right to renew now: these tokens are newer than those that such a process was given.
    """
    row = await connection.fetch_one(
        "UPDATE portal_tokens SET renewing_until = NULL, renewing_by = NULL, access_token = :access,"
        " renewed_at = now() - CAST(:age AS interval),"
        " expires_at = now() - CAST(:age AS interval) + CAST(:life AS interval), refresh_token = :refresh,"
        " previous_token = CASE WHEN refresh_token = :refresh THEN previous_token ELSE refresh_token END"
        " WHERE origin = :origin AND refresh_token = :replaces RETURNING origin",
        {
            "origin": origin,
            "replaces": replaces,
            "access": access_token,
            "refresh": refresh_token,
            "age": age,
            "life": life,
        },
    )
    return row is not None


async def give_renewal_up(connection: Connection, origin: str, *, holder: UUID) -> None:
    """Release the right to renew, so that another process can try."""
    await connection.execute(
        "UPDATE portal_tokens SET renewing_until = NULL, renewing_by = NULL"
        " WHERE origin = :origin AND renewing_by = :holder",
        {"origin": origin, "holder": holder},
    )
