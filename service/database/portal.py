"""What all processes agree on about the portal: pauses and tokens."""

import hashlib
from datetime import datetime, timedelta

import msgspec

from service.database.connection import Connection, as_optional


def fingerprint(token: str) -> str:
    """What may be kept of a token where the token itself may not."""
    return hashlib.sha256(token.encode()).hexdigest()


async def pause(connection: Connection, seconds: float) -> None:
    """Nobody asks the portal for a while; a longer pause that is on stays."""
    await connection.execute(
        "UPDATE portal_state SET resume_at = greatest(resume_at, now() + :length)",
        {"length": timedelta(seconds=seconds)},
    )


async def pause_left(connection: Connection) -> float:
    """Seconds for which nobody may ask; 0 when everybody may."""
    left: float = await connection.fetch_val(
        "SELECT CASE WHEN resume_at > now() THEN CAST(extract(epoch FROM resume_at - now()) AS double precision)"
        " ELSE CAST(0 AS double precision) END FROM portal_state"
    )
    return left


async def note_refusal(connection: Connection, token: str) -> None:
    """The portal does not accept this token any more."""
    await connection.execute(
        "UPDATE portal_state SET refused_token = :token, refused_at = now()"
        " WHERE refused_token IS DISTINCT FROM :token",
        {"token": fingerprint(token)},
    )


async def note_acceptance(connection: Connection, token: str) -> None:
    """The portal accepts this token after all."""
    await connection.execute(
        "UPDATE portal_state SET refused_token = NULL, refused_at = NULL WHERE refused_token = :token",
        {"token": fingerprint(token)},
    )


async def refused_since(connection: Connection, token: str) -> datetime | None:
    """Since when the portal refuses this token; None while it has not."""
    moment: datetime | None = await connection.fetch_val(
        "SELECT refused_at FROM portal_state WHERE refused_token = :token", {"token": fingerprint(token)}
    )
    return moment


class StoredTokens(msgspec.Struct, frozen=True):
    """The newest tokens of one line. `expires_in` is negative when the access token is too old."""

    refresh_token: str
    access_token: str | None
    expires_in: float


async def stored_tokens(connection: Connection, origin: str) -> StoredTokens | None:
    """The tokens that were renewed last, by whichever process."""
    row = await connection.fetch_one(
        "SELECT refresh_token, access_token,"
        " coalesce(CAST(extract(epoch FROM expires_at - now()) AS double precision), -1) AS expires_in"
        " FROM portal_tokens WHERE origin = :origin",
        {"origin": origin},
    )
    return as_optional(row, StoredTokens)


async def start_renewal(connection: Connection, origin: str, refresh_token: str, *, term: timedelta) -> str | None:
    """Be the one process that renews, for `term`. Answers the refresh token to use; None: somebody else does."""
    await connection.execute(
        "INSERT INTO portal_tokens (origin, refresh_token) VALUES (:origin, :token) ON CONFLICT DO NOTHING",
        {"origin": origin, "token": refresh_token},
    )
    token: str | None = await connection.fetch_val(
        "UPDATE portal_tokens SET renewing_until = now() + :term"
        " WHERE origin = :origin AND coalesce(renewing_until < now(), true) RETURNING refresh_token",
        {"origin": origin, "term": term},
    )
    return token


async def end_renewal(
    connection: Connection,
    origin: str,
    *,
    access_token: str,
    expires_in: timedelta,
    refresh_token: str | None,
) -> None:
    """Keep what came, a rotated refresh token above all."""
    await connection.execute(
        "UPDATE portal_tokens SET renewing_until = NULL, access_token = :access, expires_at = now() + :expires_in,"
        " refresh_token = coalesce(:refresh, refresh_token) WHERE origin = :origin",
        {"origin": origin, "access": access_token, "refresh": refresh_token, "expires_in": expires_in},
    )


async def give_renewal_up(connection: Connection, origin: str) -> None:
    """Let another process try."""
    await connection.execute(
        "UPDATE portal_tokens SET renewing_until = NULL WHERE origin = :origin", {"origin": origin}
    )
