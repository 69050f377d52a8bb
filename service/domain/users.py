"""Users of the service."""

from typing import Annotated, Literal

from msgspec import Meta

Role = Literal["admin", "user"]
#: Begins and ends with a visible character, and has no control character anywhere.
UserName = Annotated[str, Meta(max_length=200, pattern=r"^(?![\s\S]*[\x00-\x1f\x7f-\x9f])\S(?:[\s\S]*\S)?$")]
