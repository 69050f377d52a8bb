"""The portal's search, which says whether it holds a case where the listing does not."""

from typing import Any

import msgspec

from service.domain.process_number import InvalidProcessNumber, ProcessNumber
from service.portal.vocabulary import member, text


def holds(answer: bytes, number: ProcessNumber) -> bool | None:
    """Whether the answer lists the case. None for one that cannot be read, or that ignored the filter."""
    try:
        value: Any = msgspec.json.decode(answer)
    except (ValueError, RecursionError):
        return None
    found = value if isinstance(value, list) else member(value, "content")
    if not isinstance(found, list):
        return None
    if not found:
        return False
    return True if any(_is(text(member(each, "numeroProcesso")), number) for each in found) else None


def _is(written: str, number: ProcessNumber) -> bool:
    try:
        return ProcessNumber.parse(written) == number
    except InvalidProcessNumber:
        return False
