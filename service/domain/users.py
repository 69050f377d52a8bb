"""Users of the service and their keys."""

from typing import Annotated, Literal

from service.domain.described.words import shape

Role = Literal["admin", "user"]
_VISIBLE, _PRINTED = r"[^\x00-\x20\x7f-\xa0]", r"[^\x00-\x1f\x7f-\x9f]"
#: Begins and ends with a visible character and has no control character. In Python, `$` also matches before a final
#: line break, which the lookahead excludes.
_NAME = rf"^{_VISIBLE}(?:{_PRINTED}*{_VISIBLE})?$(?!\n)"
_ALLOWED = "characters, without control characters, and without spaces at its ends"
KeyLabel = Annotated[
    str,
    shape(
        f"a label of 1 to 100 {_ALLOWED}",
        pattern=_NAME,
        min_length=1,
        max_length=100,
        examples=["Case system, production"],
    ),
]
UserName = Annotated[
    str,
    shape(f"a name of 1 to 200 {_ALLOWED}", pattern=_NAME, min_length=1, max_length=200, examples=["Example Law Firm"]),
]
