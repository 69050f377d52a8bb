"""Reads the portal's JSON before it is typed: repairs its encoding, the spelling of names, and members given twice."""

import json
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_Pairs = list[tuple[str, Any]]
_ADDRESSES: Mapping[str, str] = {"/binario": "hrefBinario", "/texto": "hrefTexto"}  # by the end of the value
_ENDS = tuple(_ADDRESSES)
#: Folded names of members that hold the addresses of the document around them.
_LINKS = frozenset({"links", "hrefs", "urls", "href", "url", "arquivo", "binario", "texto"})
_SEPARATORS = str.maketrans("", "", "_-. ")


@lru_cache(maxsize=1000)  # a listing has about a hundred names
def folded(name: str) -> str:
    """Return the name of a member in lower case, without accents and separators."""
    plain = name if name.isascii() else unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return plain.lower().translate(_SEPARATORS)


def read_json(answer: bytes, charset: str | None, names: Mapping[str, str]) -> Any:
    """Decode JSON. A broken character is replaced; the rest is still read. Raises `ValueError`.

    `names`: the known names of members, by their folded form. Other spellings of a known name get the known one.
    """
    reader = _Reader(names)
    try:
        # The standard library accepts half a surrogate pair, and with `strict=False` raw control characters.
        return json.loads(_text(answer, charset), strict=False, object_pairs_hook=reader.read_object)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


class _Reader:
    """Reads the objects of one answer."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._seen: dict[str, tuple[str, bool]] = {}  # by the written name: the known name, and if it is of `_LINKS`

    def read_object(self, pairs: _Pairs) -> dict[str, Any]:
        """Return the members under their known names, with the addresses of the document under theirs."""
        found: dict[str, Any] = {}
        links: list[Any] = []
        for written, value in pairs:
            name, has_links = self._seen.get(written) or self._look_up(written)
            found[name] = _both(found[name], value) if name in found else value
            if has_links and isinstance(value, dict | list):
                links.append(value)
            elif isinstance(value, str) and value.endswith(_ENDS) and "/documentos/" in value:
                _set_address(found, value)
        for value in links:
            _lift_addresses(found, value)
        return found

    def _look_up(self, written: str) -> tuple[str, bool]:
        plain = folded(written)
        self._seen[written] = self._names.get(plain, written), plain in _LINKS
        return self._seen[written]


def _both(first: Any, second: Any) -> Any:
    """Return the value of a member that is given twice: nothing of two lists is lost. Raises `ValueError`."""
    if first == second or second in (None, "", [], {}):
        return first
    if isinstance(first, bool) and isinstance(second, bool):
        return True  # a flag that hides something must not be lost
    if isinstance(first, list) and isinstance(second, list):
        return first + second
    if isinstance(first, dict | list) and first:
        raise ValueError("a member is given twice")
    return second


def _set_address(found: dict[str, Any], value: str) -> None:
    """Keep an address that stands under an unknown name."""
    name = next(name for end, name in _ADDRESSES.items() if value.endswith(end))
    if not found.get(name):
        found[name] = value


def _lift_addresses(found: dict[str, Any], links: Any) -> None:
    """Move the addresses of an object or a list within a document to the document, if it has none itself."""
    for each in links if isinstance(links, list) else [links]:
        for name in _ADDRESSES.values():
            if isinstance(each, dict) and not found.get(name) and isinstance(each.get(name), str):
                found[name] = each.pop(name)


def _text(answer: bytes, charset: str | None) -> str:
    encoding = json.detect_encoding(answer)
    if not encoding.startswith("utf-8"):
        return answer.decode(encoding, "replace")
    try:
        return answer.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _repaired(answer, charset)


def _repaired(answer: bytes, charset: str | None) -> str:
    """Decode with the header's charset if it is not UTF-8; else as UTF-8, or as cp1252 if no UTF-8 accent is found."""
    if charset and charset.lower().replace("_", "-") not in {"utf-8", "utf8"}:
        try:
            return answer.decode(charset, "replace")
        except LookupError:
            pass
    text = answer.decode("utf-8-sig", "replace")
    is_utf_8 = any(character > "\x7f" and character != "\ufffd" for character in text)
    return text if is_utf_8 else answer.decode("cp1252", "replace")
