"""Reads the answer of the portal's search, which confirms that a case does not exist."""

from typing import Any

import msgspec

from service.domain.process_number import InvalidProcessNumber, ProcessNumber
from service.portal.missing_parts import why_page_is_incomplete
from service.portal.vocabulary import member, text


def holds(answer: bytes, number: ProcessNumber) -> bool | None:
    """True if the answer has the case, False if it is empty; None if it cannot be read or has only other cases."""
    try:
        value: Any = msgspec.json.decode(answer)
    except (ValueError, RecursionError):
        return None
    found = value if isinstance(value, list) else member(value, "content")
    if not isinstance(found, list):
        return None
    if not found:
        return None if isinstance(value, dict) and why_page_is_incomplete(value, 0) else False
    return True if any(_is(text(member(each, "numeroProcesso")), number) for each in found) else None


def _is(written: str, number: ProcessNumber) -> bool:
    try:
        return ProcessNumber.parse(written) == number
    except InvalidProcessNumber:
        return False
