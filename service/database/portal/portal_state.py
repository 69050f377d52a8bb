"""What all processes agree on about the portal: pauses, and whether it takes the token."""

import hashlib
from datetime import datetime, timedelta

from service.database.connection import Connection


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
