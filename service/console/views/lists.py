"""The links of a list that is shown in parts, and links that look like tabs."""

from urllib.parse import urlencode
from uuid import UUID

import msgspec

PAGE_DIGITS = 6  # of a page number; larger ones are taken for the last page


class Pages(msgspec.Struct, frozen=True):
    """Where one page stands among all. A link is None if there is no such page."""

    current: int
    last: int
    skipped: int  #: rows before this page
    first_path: str
    previous_path: str | None
    next_path: str | None
    last_path: str


class Tab(msgspec.Struct, frozen=True):
    """One of several links, of which the current one is marked."""

    key: str  #: of its text
    path: str
    is_current: bool
    count: int | None = None


def query_of(path: str, **values: str | None) -> str:
    """A path with those values that are not empty, in the order given."""
    given = {name: value for name, value in values.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def pages_of(path: str, given: str | None, *, rows: int, size: int, **values: str | None) -> Pages:
    """The pages of a list of `rows`, with `size` on each. `given`: the page number, as it stands in the query.

    What is no page number is the first page, and one beyond the last is the last: a list may shrink.
    """
    last = max(1, -(-rows // size))
    wanted = int(given) if given and given.isascii() and given.isdigit() and len(given) <= PAGE_DIGITS else 1
    current = min(max(wanted, 1), last)

    def link(page: int) -> str:
        return query_of(path, **values, page=None if page == 1 else str(page))

    return Pages(
        current,
        last,
        (current - 1) * size,
        link(1),
        link(current - 1) if current > 1 else None,
        link(current + 1) if current < last else None,
        link(last),
    )


def uuid_of(given: str) -> UUID | None:
    """The id in a query. None: it is no UUID."""
    try:
        return UUID(given)
    except ValueError:
        return None
