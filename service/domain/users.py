"""Users of the service and their keys."""

from typing import Annotated, Literal

from msgspec import Meta

Role = Literal["admin", "user"]
_VISIBLE, _PRINTED = r"[^\x00-\x20\x7f-\xa0]", r"[^\x00-\x1f\x7f-\x9f]"
#: Begins and ends with a visible character and has no control character. In Python, `$` also matches before a final
#: line break, which the lookahead excludes.
_NAME = rf"^{_VISIBLE}(?:{_PRINTED}*{_VISIBLE})?$(?!\n)"
KeyLabel = Annotated[str, Meta(min_length=1, max_length=100, pattern=_NAME, examples=["Case system, production"])]
UserName = Annotated[str, Meta(min_length=1, max_length=200, pattern=_NAME, examples=["Example Law Firm"])]
