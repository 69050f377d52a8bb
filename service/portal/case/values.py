"""Reads single values of the portal's JSON. None of them may make a case unreadable."""

import html
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from service.portal.missing_parts import why_page_is_incomplete
from service.portal.raw_json import folded
from service.portal.vocabulary import text

BRASILIA = ZoneInfo("America/Sao_Paulo")  # the portal's times have no UTC offset
NAME_LENGTH = 1000  # characters; longer names are cut
PROSE_LENGTH = 5000  # characters; longer descriptions are cut
VALUE_MAX = 1e15  # reais; a larger amount is an error of a court
_WRITTEN = (
    4  # written characters that are read for one that is kept, at most: entities and tags are longer than they look
)
_DAY = re.compile(
    r"(\d{2})[/.-](\d{2})[/.-](\d{4})(?:(?:T|,?\s+|\s+às\s+)(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?\Z", re.ASCII
)
_EPOCH = re.compile(r"\d{9,13}", re.ASCII)  # compact ISO 8601 has 8 digits, or 14
_MILLISECONDS = 12  # digits, from which on they are milliseconds: 1973 as milliseconds, 5138 as seconds
_YEARS = range(1900, 2101)  # of real filings; some systems write other years for "never"
_NEVER = frozenset({date(1900, 1, 1), date(1970, 1, 1)})  # the epochs of two kinds of systems, written for "never"
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,1000}>|<!--.{0,1000}?-->|<[A-Za-z/][^<>]{0,1000}\Z", re.DOTALL)
_AMOUNT = re.compile(r"\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(?:\.\d{3})+", re.ASCII)
_LABELS = ("nome", "descricao", "sigla", "valor", "value", "label")  # of an object that stands for its name


def pick(node: Any, *names: str) -> Any:
    """Return the first member with one of these names that is not null, also if it is spelled a little otherwise.

    None if there is none, or if `node` is no object.
    """
    if not isinstance(node, dict):
        return None
    for name in names:
        if node.get(name) is not None:
            return node[name]
    wanted = _folded(names)
    return next((value for name, value in node.items() if value is not None and folded(name) in wanted), None)


@lru_cache(maxsize=200)  # there are about forty of them in this room
def _folded(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(folded, names))


def entries(value: Any) -> list[Any] | None:
    """Return the entries of a list; also those of a page, or an only one that stands for its list.

    None if the value is none of these.
    """
    if isinstance(value, dict):
        inner = value.get("content")
        return inner if isinstance(inner, list) else [value]
    return value if isinstance(value, list) else None


def is_empty(value: Any) -> bool:
    """True for a list without entries, and for what stands for one."""
    if isinstance(value, dict) and isinstance(value.get("content"), list):
        return not value["content"] and is_whole(value)
    return value is None or value in ([], {}, "")


def is_whole(value: Any) -> bool:
    """False for a page that says that there are others."""
    inner = value.get("content") if isinstance(value, dict) else None
    return not isinstance(inner, list) or not why_page_is_incomplete(value, len(inner))


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, or of what stands for one."""
    return [each for each in entries(value) or () if isinstance(each, dict)]


def label(value: Any) -> str:
    """Return a name that may be written as an object or as a list with one; "" if there is none."""
    for each in value if isinstance(value, list) else [] if value is None else [value]:
        named = map(each.get, _LABELS) if isinstance(each, dict) else [each]
        if found := next(filter(None, (prose(written, NAME_LENGTH) for written in named)), ""):
            return found
    return ""


def first_label(values: Iterable[Any]) -> str | None:
    """Return the first name that is not empty."""
    return next(filter(None, map(label, values)), None)


def clean(value: Any, length: int = NAME_LENGTH) -> str:
    """Drop characters that PostgreSQL refuses (NUL) or that can disguise a name (controls, bidi marks)."""
    raw = text(value)[: length * _WRITTEN]
    if not raw.isprintable():
        kept = (" " if c in "\t\n\r" else c for c in raw)
        raw = "".join(c for c in kept if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    return unicodedata.normalize("NFC", raw).strip()[:length]


def prose(value: Any, length: int = PROSE_LENGTH) -> str:
    """Return a text without entities, tags and repeated spaces."""
    if not value:
        return text(value)  # most members are missing
    raw = text(value)[: length * _WRITTEN]
    if "&" in raw or "<" in raw:
        raw = plain(raw)
    return " ".join(clean(raw, length * _WRITTEN).split())[:length].strip()


def plain(written: str) -> str:
    """Return a text with its entities decoded and its tags replaced by spaces."""
    return _TAG.sub(" ", html.unescape(_TAG.sub(" ", written)))


def moment(value: Any) -> datetime | None:
    """Return a point in time; None if the value is none, or one that systems write for "never"."""
    try:
        found = _written_time(text(value).strip())
        found = found if found.tzinfo else found.replace(tzinfo=BRASILIA)
        found.astimezone(UTC)  # years 1 and 9999, which some systems write for "never", may overflow in UTC
    except (ValueError, OverflowError, OSError):
        return None
    return None if found.year not in _YEARS or found.date() in _NEVER else found


def _written_time(written: str) -> datetime:
    """Read ISO 8601, the Brazilian form of a date, or seconds or milliseconds since the epoch. Raises `ValueError`."""
    if _EPOCH.fullmatch(written):
        return datetime.fromtimestamp(int(written) / (1 if len(written) < _MILLISECONDS else 1000), UTC)
    if day := _DAY.match(written):
        written = f"{day[3]}-{day[2]}-{day[1]}T{day[4] or '00:00'}"
    return datetime.fromisoformat(written)


def money(value: Any) -> float | None:
    """Return an amount in reais, also if it is written "R$ 1.000,00"; None for any other value."""
    if isinstance(value, dict):
        value = pick(value, "valor", "value")
    if isinstance(value, str):
        value = _written_amount(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Compared before it is converted: an integer may be too large for a float.
    return float(value) if 0 <= value <= VALUE_MAX and not math.isnan(value) else None


def _written_amount(written: str) -> float | None:
    compact = "".join(written[:NAME_LENGTH].upper().removeprefix("BRL").split()).removeprefix("R$")
    if "," in compact and compact.rfind(",") > compact.rfind("."):
        compact = compact.replace(".", "").replace(",", ".")
    elif "," in compact or _GROUPED.fullmatch(compact):
        # The American form, or thousands without cents.
        compact = compact.replace(",", "") if "," in compact else compact.replace(".", "")
    return float(compact) if _AMOUNT.fullmatch(compact) else None


def spread(values: Iterable[Any], *names: str) -> Iterator[Any]:
    """Yield each value, and the members of it with these names: a person may be described by an object inside."""
    for value in values:
        yield value
        inner = pick(value, *names)
        if isinstance(inner, dict):
            yield inner
