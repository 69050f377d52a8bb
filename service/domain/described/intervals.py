"""Intervals as people write them: a whole number and a unit, such as `90m`, `6h` or `7d`."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from service.domain.described.words import shape

_UNITS: Mapping[str, timedelta] = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
#: For members of bodies; `parse_interval` decides.
Interval = Annotated[
    str,
    shape(
        "a whole number with m, h, d or w, such as 6h or 1d",
        pattern=r"^[1-9][0-9]{0,5}[mhdw]$(?!\n)",
        examples=["6h"],
    ),
]
_INTERVAL = re.compile(r"([1-9][0-9]{0,5})([mhdw])", re.ASCII)


class InvalidInterval(ValueError):
    """The text is no interval, or one that is too short or too long. The message says what is allowed."""


def parse_interval(text: str, *, least: timedelta, most: timedelta) -> timedelta:
    """Return the interval that a text names. Raises `InvalidInterval`."""
    matched = _INTERVAL.fullmatch(text)
    if matched is None:
        raise InvalidInterval(f"It must be a whole number with m, h, d or w, from {shown(least)} to {shown(most)}.")
    interval = int(matched[1]) * _UNITS[matched[2]]
    if not least <= interval <= most:
        raise InvalidInterval(f"It must be from {shown(least)} to {shown(most)}.")
    return interval


def seconds_or_interval(text: str) -> timedelta:
    """Return the interval that a text names, or that of a whole number of seconds. Raises `InvalidInterval`."""
    if text.isdigit():
        return timedelta(seconds=int(text))
    return parse_interval(text, least=timedelta(0), most=timedelta.max)


def shown(interval: timedelta) -> str:
    """Return an interval in the largest unit that divides it, up to days; in seconds if no unit does."""
    for unit in "dhm":
        if interval and not interval % _UNITS[unit]:
            return f"{interval // _UNITS[unit]}{unit}"
    return f"{int(interval.total_seconds())} seconds"
