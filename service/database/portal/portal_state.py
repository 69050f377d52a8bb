"""What all processes share about the state of the portal: pauses, and whether it accepts the token."""

import hashlib
from datetime import datetime, timedelta

from service.database.connection import Connection


def fingerprint(token: str) -> str:
    """Return the SHA-256 of a token, to store instead of the token itself."""
    return hashlib.sha256(token.encode()).hexdigest()


async def pause(connection: Connection, seconds: float) -> None:
    """Pause all requests to the portal. A longer pause that is already set stays."""
    await connection.execute(
        "UPDATE portal_state SET resume_at = greatest(resume_at, now() + :length)",
        {"length": timedelta(seconds=seconds)},
    )


async def pause_left(connection: Connection) -> float:
    """Return the seconds until requests to the portal are allowed; 0 if there is no pause."""
    left: float = await connection.fetch_val(
        "SELECT CASE WHEN resume_at > now() THEN CAST(extract(epoch FROM resume_at - now()) AS double precision)"
        " ELSE CAST(0 AS double precision) END FROM portal_state"
    )
    return left


async def note_refusal(connection: Connection, token: str) -> None:
    """Note that the portal refuses this token. The time of its first refusal stays."""
    await connection.execute(
        "UPDATE portal_state SET refused_token = :token, refused_at = now()"
        " WHERE refused_token IS DISTINCT FROM :token",
        {"token": fingerprint(token)},
    )


async def note_acceptance(connection: Connection, token: str) -> None:
    """Note that the portal accepts this token again."""
    await connection.execute(
        "UPDATE portal_state SET refused_token = NULL, refused_at = NULL WHERE refused_token = :token",
        {"token": fingerprint(token)},
    )


async def refused_since(connection: Connection, token: str) -> datetime | None:
    """Return the time since which the portal refuses this token; None if it does not."""
    moment: datetime | None = await connection.fetch_val(
        "SELECT refused_at FROM portal_state WHERE refused_token = :token", {"token": fingerprint(token)}
    )
    return moment
