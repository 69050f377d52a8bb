"""Times as clients give and get them."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

Moment = Annotated[datetime, Meta(tz=True, examples=["2026-01-31T12:00:00Z"])]
