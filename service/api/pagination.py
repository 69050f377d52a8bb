"""Lists come in pages: `?limit=` and `?cursor=`, answered with `items` and `next_cursor`."""

import base64
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from service.api.problems import invalid_parameter
from service.api.state import ApiRequest

LIMIT_DEFAULT = 50
LIMIT_MAX = 200
_CURSOR_CHARACTERS = 200

Item = TypeVar("Item")
Row = TypeVar("Row")
Position = TypeVar("Position")


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """A part of a list."""

    items: list[Item]
    next_cursor: str | None  #: None at the end


def limit(request: ApiRequest) -> int:
    """How many items a page may have."""
    given = request.query_params.get("limit")
    if given is None:
        return LIMIT_DEFAULT
    if not (given.isascii() and given.isdigit() and len(given) <= 3 and 1 <= int(given) <= LIMIT_MAX):
        raise invalid_parameter("limit", f"It must be a number from 1 to {LIMIT_MAX}.")
    return int(given)


def position(request: ApiRequest, kind: type[Position]) -> Position | None:
    """Where the page before ended, from the cursor that it answered."""
    given = request.query_params.get("cursor")
    if given is None:
        return None
    if len(given) <= _CURSOR_CHARACTERS:
        try:
            return msgspec.json.decode(base64.b64decode(given, altchars=b"-_", validate=True), type=kind)
        except (ValueError, msgspec.DecodeError):
            pass
    raise invalid_parameter("cursor", "It must be a next_cursor that this list has answered.")


def cut(rows: Sequence[Row], size: int, position_of: Callable[[Row], object]) -> tuple[Sequence[Row], str | None]:
    """The rows of a page and the cursor behind it, from one row more than the page has."""
    if len(rows) <= size:
        return rows, None
    last = msgspec.json.encode(position_of(rows[size - 1]))
    return rows[:size], base64.urlsafe_b64encode(last).decode()
