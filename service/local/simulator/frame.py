"""A document as the bytes before its filler, the length of the filler, and the bytes after it."""

from typing import NamedTuple


class Frame(NamedTuple):
    """`head`, then `padding` bytes of filler, then `tail`."""

    head: bytes
    padding: int
    tail: bytes


def fitted(size: int, around: int) -> int:
    """How much filler makes `size` out of `around` bytes. Raises ValueError if they are more already."""
    if size < around:
        raise ValueError(f"{size} bytes are too few for this document: it needs {around}")
    return size - around


def printable(text: str, limit: int = 48) -> str:
    """At most `limit` characters of `text` that fit on a line of a page, others shown as `?`."""
    return "".join(one if one.isprintable() else "?" for one in text[:limit])
