"""Intervals as people write them."""

from datetime import timedelta

import pytest

from service.domain.described.intervals import InvalidInterval, parse_interval, shown

HOUR, YEAR = timedelta(hours=1), timedelta(days=365)


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("60m", HOUR),
        ("90m", timedelta(minutes=90)),
        ("6h", timedelta(hours=6)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("365d", YEAR),
        ("525600m", YEAR),
    ],
)
def test_a_number_with_a_unit_is_an_interval(text: str, interval: timedelta) -> None:
    assert parse_interval(text, least=HOUR, most=YEAR) == interval


@pytest.mark.parametrize(
    "text",
    [
        *("", "6", "h", "0h", "06h", "-6h", "+6h", "6.5h", "1e3h", "6 h", " 6h", "6h ", "6h\n", "6H", "6hours"),
        *("1h30m", "PT6H", "\u0666h", "3600s", "1y", "9999999m", "\x006h"),
    ],
)
def test_anything_else_is_refused_and_told_what_is_allowed(text: str) -> None:
    with pytest.raises(InvalidInterval, match=r"^It must be a whole number with m, h, d or w, from 1h to 365d\.$"):
        parse_interval(text, least=HOUR, most=YEAR)


@pytest.mark.parametrize("text", ["1m", "59m", "366d", "53w", "525601m", "999999d"])
def test_what_is_too_short_or_too_long_is_told_the_bounds(text: str) -> None:
    with pytest.raises(InvalidInterval, match=r"^It must be from 1h to 365d\.$"):
        parse_interval(text, least=HOUR, most=YEAR)


def test_intervals_are_shown_in_the_largest_unit_that_divides_them() -> None:
    shows = [shown(timedelta(seconds=each)) for each in (0, 45, 90, 5400, 3600, 86_400, 90_000)]

    assert shows == ["0 seconds", "45 seconds", "90 seconds", "90m", "1h", "1d", "25h"]
