"""Pages of lists: `?limit=` and `?cursor=` in the request, `items` and `next_cursor` in the response."""

import base64
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

from service.http.problems import FieldError, Problem

LIMIT_DEFAULT = 50
LIMIT_MAX = 200

Item = TypeVar("Item")
Row = TypeVar("Row")
Place = TypeVar("Place")

Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="How many items a page may have.")]
CURSOR_EXAMPLE = "WyIyMDI2LTAxLTMxVDEyOjAwOjAwWiIsIjcxYTE1OGRjLTU0NjAtNDYzYy1iYmZkLTRjNmQ4YWIwNDBlOSJd"
Cursor = Annotated[
    str,
    Meta(
        max_length=400,
        description="The next_cursor of the page before. Opaque: it may change between versions.",
        examples=[CURSOR_EXAMPLE],
        extra_json_schema={"format": "cursor"},
    ),
]


class PageQuery(msgspec.Struct, frozen=True):
    """Which part of a list."""

    limit: Limit = LIMIT_DEFAULT
    cursor: Cursor | None = None


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """One page of a list."""

    items: Annotated[list[Item], Meta(description="Those of this page.")]
    next_cursor: Annotated[str | None, Meta(description="Null on the last page.")]


def position(cursor: str | None, kind: type[Place]) -> Place | None:
    """The position after which the page begins. None: it is the first page. Raises `invalid_parameter` (400)."""
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(base64.b64decode(cursor, altchars=b"-_", validate=True), type=kind)
    except (ValueError, msgspec.DecodeError):
        refused = FieldError("cursor", "It must be a next_cursor that this list has answered.")
        raise Problem("invalid_parameter", "Malformed parameters: cursor.", errors=(refused,)) from None


def cut(rows: Sequence[Row], size: int, position_of: Callable[[Row], object]) -> tuple[Sequence[Row], str | None]:
    """The rows of a page, and the cursor of the next one. `rows`: at least one more than `size`, if there are more."""
    if len(rows) <= size:
        return rows, None
    last = msgspec.json.encode(position_of(rows[size - 1]))
    return rows[:size], base64.urlsafe_b64encode(last).decode()
