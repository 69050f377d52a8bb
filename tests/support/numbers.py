"""Unused case numbers with valid check digits."""

import itertools
from collections.abc import Iterator


def process_numbers(segment_and_court: str = "826") -> Iterator[str]:
    """Masked numbers, each a new one. Year 1988 and origin 9999 keep them apart from the shipped cases."""
    for serial in itertools.count(1):
        yield with_check_digits(f"{serial:07}", "1988", segment_and_court, "9999")


def with_check_digits(serial: str, year: str, segment_and_court: str, origin: str) -> str:
    """Mask a number and compute its check digits (ISO 7064 MOD 97-10)."""
    check = 98 - int(f"{serial}{year}{segment_and_court}{origin}00") % 97
    return f"{serial}-{check:02}.{year}.{segment_and_court[0]}.{segment_and_court[1:]}.{origin}"
