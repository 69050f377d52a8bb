"""Removes what tells who a sealed party is, before anything else is read from an answer.

A sealed party keeps its pole, role and kind. Its name is also removed from all other texts of the answer: a movement
may repeat it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import msgspec

from service.portal.case.values import plain, prose
from service.portal.raw_json import folded

STAND_IN = "[sigiloso]"  # the portal's language, like the text around it
NAME_MIN = 3  # letters; a shorter name would be found in too many texts
_SEALED = re.compile(r"sigil|segredo|confidencial|restrit|ocult")
#: Members around or of a person. All are folded.
_PERSONS = re.compile(
    r"(?:partes?|polos?(?:ativo|passivo)?|pessoas?|envolvid|interessad|representante|advogad|procurador)"
)
_OF_PERSONS = frozenset({"polo", "tipoparte", "tipopessoa", "outrosnomes", "representantes"})
_KEPT = frozenset({"polo", "tipoparte", "tipopessoa", "papel", "situacao", "tiporepresentante", "tiporepresentacao"})
_REPRESENTATIVES = re.compile(r"representante|advogad|procurador|defensor")
_NAMES = re.compile(r"nome|razao|alcunha|apelido|name")
_UNTOLD = re.compile(r"n|nao.*|no|f|false|falso|0+|nenhum|null|none|public[oa]|sem.*|undefined")
_WORD = re.compile(r"\w+")
#: Members that identify or address something.
_FIXED = re.compile(r"href|id[a-z]*$|uuid|numeroprocesso$|url|link|polo$|instancia$|sigla")
_Object = dict[str, Any]


def seal(answer: Any) -> bool:
    """Remove the names of sealed parties from a decoded answer, in place. True if there is a sealed party."""
    found = _look_through(answer)
    names = {name for person in found.persons for name in _names_of(person)}
    for person in found.persons:
        _empty(person)
    for node, key in found.nested:
        node[key] = None
    hidden = _Hidden(names)
    if hidden:
        _seal_copies(found.others, hidden)
        _hide(answer, hidden)
    return bool(found.persons or found.nested)


def is_sealed(person: _Object) -> bool:
    """True if a member says so. A value that is not known counts as a seal."""
    return any(_seals(name, value) for name, value in person.items())


def _seals(name: str, value: Any) -> bool:
    if not _SEALED.search(folded(name)):
        return False
    if isinstance(value, str):
        return bool(value.strip()) and _UNTOLD.fullmatch(folded(value.strip())) is None
    return bool(value)


class _Found(msgspec.Struct):
    persons: list[_Object] = msgspec.field(default_factory=list)  #: sealed ones; not those within another one
    others: list[_Object] = msgspec.field(default_factory=list)  #: persons without a seal, and what describes them
    nested: list[tuple[Any, Any]] = msgspec.field(default_factory=list)  #: places of JSON in strings that has seals


def _look_through(answer: Any) -> _Found:
    found = _Found()
    pending: list[tuple[Any, bool]] = [(answer, False)]
    while pending:
        node, is_among_persons = pending.pop()
        if isinstance(node, dict):
            is_person = is_among_persons or not _OF_PERSONS.isdisjoint(map(folded, node))
            if is_person and is_sealed(node):
                found.persons.append(node)
                continue
            found.others += [node] if is_person else []
        for key, each in _members(node):
            if isinstance(each, dict | list):
                pending.append((each, _is_of_persons(key, within=is_among_persons)))
            elif isinstance(each, str) and each.lstrip()[:1] in {"[", "{"} and _SEALED.search(each.lower()):
                found.nested.append((node, key))
    return found


def _members(node: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()


def _is_of_persons(key: Any, *, within: bool) -> bool:
    """`key`: of a member, or an index of a list, which changes nothing."""
    if not isinstance(key, str):
        return within
    plain_name = folded(key)
    return _PERSONS.match(plain_name) is not None or (within and not plain_name.startswith("documento"))


def _names_of(person: _Object) -> Iterator[str]:
    """The names of a person, in their folded form; not those of its representatives."""
    pending: list[tuple[Any, bool]] = [(person, False)]
    while pending:
        node, is_name = pending.pop()
        if isinstance(node, list):
            pending += [(each, is_name) for each in node]
        elif isinstance(node, dict):
            inner = [(folded(name), each) for name, each in node.items()]
            inner = [(name, each) for name, each in inner if not _REPRESENTATIVES.match(name)]
            pending += [(each, _tells_name(name, within=is_name)) for name, each in inner]
        elif is_name and isinstance(node, str):
            yield prose(node)


def _tells_name(member: str, *, within: bool) -> bool:
    return _NAMES.search(member) is not None or (within and not member.startswith("tipo"))


def _seal_copies(others: list[_Object], hidden: "_Hidden") -> None:
    """Seal the persons that have the name of a sealed one: another list may lack the seal."""
    for person in others:
        named = (value for name, value in person.items() if isinstance(value, str) and _NAMES.search(folded(name)))
        if any(hidden.has(value) for value in named):
            person["sigilosa"] = True
            _empty(person)


def _empty(person: _Object) -> None:
    """Set all values of a person to null but its pole, role, kind and flags, and those of its representatives."""
    # A flag may be an object, whose values go.
    person.update(
        {name: True for name, value in person.items() if isinstance(value, dict | list) and _seals(name, value)}
    )
    pending: list[Any] = [person]
    while pending:
        node = pending.pop()
        for name, value in list(node.items()) if isinstance(node, dict) else []:
            if isinstance(value, list):
                node[name] = [each for each in value if isinstance(each, dict)]
                pending += node[name]
            elif isinstance(value, dict):
                pending.append(value)
            elif not isinstance(value, bool) and not _is_kept(folded(name)):
                node[name] = None


def _is_kept(name: str) -> bool:
    return name in _KEPT or _SEALED.search(name) is not None


class _Hidden:
    """Names to find in texts, whatever their case, accents and spaces."""

    def __init__(self, names: Iterable[str]) -> None:
        words = {tuple(_WORD.findall(_flat(name))) for name in names}
        self._names = {each for each in words if _letters(each) >= NAME_MIN and not _SEALED.search(" ".join(each))}
        self._lengths: dict[str, list[int]] = {}  # by the first word, the numbers of words of its names
        for name in sorted(self._names, key=len, reverse=True):
            lengths = self._lengths.setdefault(name[0], [])
            if len(name) not in lengths:
                lengths.append(len(name))

    def __bool__(self) -> bool:
        return bool(self._names)

    def has(self, name: str) -> bool:
        """True if this is one of the names, and nothing more."""
        return tuple(_WORD.findall(_flat(prose(name)))) in self._names

    def without(self, written: str) -> str:
        """Return the text without the names; the same text if it has none."""
        for form in (written, plain(written)) if "&" in written or "<" in written else (written,):
            composed = unicodedata.normalize("NFC", form)
            if spans := self._spans(_flat(composed)):
                return _replaced(composed, spans)
        return written

    def _spans(self, flat: str) -> list[tuple[int, int]]:
        """Where the names are; the longest of those that begin at one word."""
        spans: list[tuple[int, int]] = []
        if self._lengths.keys().isdisjoint(_WORD.findall(flat)):
            return spans
        words = list(_WORD.finditer(flat))
        written = [word[0] for word in words]
        for first, word in enumerate(written):
            for length in self._lengths.get(word, ()):
                if tuple(written[first : first + length]) in self._names:
                    spans.append((words[first].start(), words[first + length - 1].end()))
                    break
        return spans


def _replaced(composed: str, spans: list[tuple[int, int]]) -> str:
    parts, done = [], 0
    for start, end in spans:
        if start >= done:
            parts += [composed[done:start], STAND_IN]
        done = max(done, end)
    return "".join([*parts, composed[done:]])


def _letters(words: Iterable[str]) -> int:
    return sum(character.isalpha() for word in words for character in word)


def _flat(written: str) -> str:
    """Return the text in lower case and without accents, with as many characters."""
    return written.lower() if written.isascii() else "".join(map(_flat_character, written))


@lru_cache(maxsize=5000)
def _flat_character(character: str) -> str:
    return unicodedata.normalize("NFKD", character)[:1].lower()[:1] or " "


def _hide(answer: Any, hidden: _Hidden) -> None:
    """Replace the names in all texts of an answer but addresses and ids."""
    pending: list[Any] = [answer]
    while pending:
        node = pending.pop()
        for key, value in _members(node):
            if isinstance(value, dict | list):
                pending.append(value)
            elif isinstance(value, str) and not (isinstance(key, str) and _FIXED.match(folded(key))):
                node[key] = hidden.without(value)
