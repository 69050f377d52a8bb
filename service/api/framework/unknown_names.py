"""Refuse names that the API does not know: a misspelt `webhook_url` would never be called."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from service.http.problems import FieldError, Problem

_SHOWN = 100  # characters of a name that a client invented
_PUNCTUATION = re.compile(r"[^a-z0-9]")


def unknown_parameter(given: Iterable[str], known: Iterable[str], *, noun: str, within: str = "") -> Problem:
    """The problem `unknown_parameter` (400) for all of `given`, each with the nearest of `known`.

    `noun` is what they are, such as "parameter"; `within` is the path to the object that has them.
    """
    names = list(known)
    errors = tuple(FieldError(f"{within}{_shown(each)}", _sentence(each, names, noun)) for each in given)
    listed = ", ".join(error.field for error in errors)
    return Problem("unknown_parameter", f"Unknown {noun}: {listed}.", errors=errors)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant: case and punctuation do not count, and a part of the name is enough."""
    plain = {_plain(each): each for each in known}
    wanted = _plain(name)
    if close := get_close_matches(wanted, plain, n=1):
        return plain[close[0]]
    parts = [each for each in plain if len(wanted) > 2 and (wanted in each or each in wanted)]
    return plain[parts[0]] if len(parts) == 1 else None


def _sentence(name: str, known: list[str], noun: str) -> str:
    if not known:
        return f"There is no such {noun}; this operation takes none."
    if (meant := nearest(name, known)) is not None:
        return f"There is no such {noun}. Did you mean {meant}?"
    return f"There is no such {noun}. Known are: {', '.join(known)}."


def _plain(name: str) -> str:
    return _PUNCTUATION.sub("", name.lower())


def _shown(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."
