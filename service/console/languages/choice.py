"""Which language a visitor gets: the cookie of the switch, then `Accept-Language`, then Portuguese."""

from enum import StrEnum


class Language(StrEnum):
    """The languages of the console, as they stand in `<html lang>`."""

    PORTUGUESE = "pt-BR"
    ENGLISH = "en"


_BY_PREFIX = {"pt": Language.PORTUGUESE, "en": Language.ENGLISH}


def chosen(cookie: str | None, accepted: str) -> Language:
    """The language of a visitor. `accepted` is the header `Accept-Language`, or empty."""
    if cookie in set(Language):
        return Language(cookie)
    known = [(weight, _BY_PREFIX[tag]) for tag, weight in _weighed(accepted) if tag in _BY_PREFIX and weight > 0]
    # Of two with the same weight the first one: `max` keeps it.
    return max(known, key=lambda each: each[0])[1] if known else Language.PORTUGUESE


def _weighed(header: str) -> list[tuple[str, float]]:
    """The first parts of the tags, each with its weight. A malformed weight counts as none."""
    found = []
    for part in header.split(","):
        tag, _, parameter = part.partition(";")
        name, _, value = parameter.partition("=")
        weight = _weight(value) if name.strip().lower() == "q" else 1.0
        found.append((tag.strip().lower().partition("-")[0], weight))
    return found


def _weight(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0
