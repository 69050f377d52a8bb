"""Times in requests and responses."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

Timestamp = Annotated[datetime, Meta(tz=True, examples=["2026-01-31T12:00:00Z"])]


def to_utc(moment: datetime | None) -> datetime | None:
    """Convert a time to UTC, in which responses have it."""
    return None if moment is None else moment.astimezone(UTC)
