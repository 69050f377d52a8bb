"""Case numbers in what a person pastes: a letter, a column of a spreadsheet, a CSV file."""

import re

import msgspec

from service.domain.process_number import InvalidProcessNumber, ProcessNumber

#: Masked or 20 digits, not as a part of a longer number.
_NUMBER = re.compile(r"(?<![0-9])(?:[0-9]{7}-[0-9]{2}\.[0-9]{4}\.[0-9]\.[0-9]{2}\.[0-9]{4}|[0-9]{20})(?![0-9])")
#: A row without a number whose digits may be meant as one, and not a date or a column of its own.
_MEANT = re.compile(r"(?:[0-9][-. ]?){14,}")
ROW_MAX = 60  # characters of a refused row that are repeated


class NumberList(msgspec.Struct, frozen=True):
    """What was found. Each number stands once, in the order of the text."""

    numbers: tuple[ProcessNumber, ...]
    refused: tuple[str, ...]  #: what looks like a case number and is none, as it was written


def numbers_in(text: str) -> NumberList:
    """Find all case numbers. Rows without one are skipped, such as a header."""
    numbers, refused = dict[ProcessNumber, None](), dict[str, None]()
    for row in text.splitlines():
        for each in _NUMBER.findall(row) or [meant[0].strip() for meant in _MEANT.finditer(row)]:
            try:
                numbers[ProcessNumber.parse(re.sub(r"[-. ]", "", each))] = None
            except InvalidProcessNumber:
                refused[each[:ROW_MAX]] = None
    return NumberList(tuple(numbers), tuple(refused))
