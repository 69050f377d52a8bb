"""Where a page of a list ends. A timestamp that does not change orders most lists; `updated_since` orders by change."""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

Key = TypeVar("Key")


class Position(msgspec.Struct, Generic[Key], frozen=True, array_like=True):
    """The timestamp and the key of the last row of a page."""

    moment: Annotated[datetime, Meta(tz=True)]
    key: Key

    def __post_init__(self) -> None:
        try:
            self.moment.astimezone(UTC)
        except OverflowError:
            raise ValueError("The moment is outside of the calendar.") from None
