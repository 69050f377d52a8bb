"""Reads the movements of a case and merges those of several lists.

The portal lists the movements of an instance twice in some cases, and gives them no id that is the same in both lists.
Two movements are the same if instance, second and description are. Equal ones within one list are as many movements.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any

import msgspec

from service.domain.case_data import Complement, Movement, fold
from service.portal.case.values import (
    BRASILIA,
    entries,
    first_label,
    is_empty,
    is_whole,
    label,
    moment,
    objects,
    pick,
    prose,
)
from service.portal.vocabulary import integer

MOVEMENT_LISTS = ("movimentos", "movimentacoes", "movimento", "movimentacao", "andamentos")
COMPLEMENTS_MAX = 50  # of one movement; the rest is left out
_INT8 = 2**63  # limit of the database column (exclusive)
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_Key = tuple[str, str, str]  # instance, second or day, folded description
_Keys = tuple[_Key, _Key]  # by second and by day


class InstanceMovements(msgspec.Struct):
    """One list of movements, as the portal writes it, of one instance."""

    instance: str
    value: Any


class _Entry(msgspec.Struct):
    movement: Movement
    sequence: int | None  #: the portal's, within one list


def read_movements(lists: Iterable[InstanceMovements]) -> tuple[tuple[Movement, ...], bool]:
    """Return the movements of several lists, each once, newest first, and whether all lists could be read."""
    merger = _Merger()
    is_read = True
    for each in lists:
        found = _of_list(each)
        is_read = is_read and (is_empty(each.value) or (bool(found) and is_whole(each.value)))
        merger.add(found)
    return merger.merged(), is_read


def _of_list(listed: InstanceMovements) -> list[Movement]:
    """The movements of one list, the oldest first."""
    found = [each for entry in objects(listed.value) if (each := _entry(entry, listed.instance)) is not None]
    dated = [each for each in found if each.movement.occurred_at is not None]
    if len(dated) > 1 and _order(dated[0]) > _order(dated[-1]):
        found.reverse()
    return [each.movement for each in sorted(found, key=lambda each: _order(each)[0])]


def _order(entry: _Entry) -> tuple[datetime, int]:
    return entry.movement.occurred_at or _EARLIEST, entry.sequence or 0


def _entry(entry: dict[str, Any], instance: str) -> _Entry | None:
    kind = pick(entry, "tipo", "movimentoNacional", "movimentoLocal")
    written = [prose(pick(entry, name)) for name in ("descricao", "nome", "texto", "complemento")]
    named = [prose(pick(kind, name)) for name in ("nome", "descricao")]
    description = next(filter(None, [*written, *named]), "")
    found = moment(pick(entry, "dataHora", "data", "dataHoraMovimento", "dataMovimento"))
    occurred_at = None if found is None else found.astimezone(UTC)
    if not description and occurred_at is None:
        return None
    codes = [integer(code, below=_INT8) for code in (pick(kind, "id", "codigo"), pick(entry, "codigo"))]
    movement = Movement(
        occurred_at=occurred_at,
        description=description or "Movimento",
        instance=instance,
        type_code=next((code for code in codes if code), None),
        judging_body=first_label([pick(entry, "orgaoJulgador"), pick(entry, "orgaoJulgadorLocal")]),
        complements=_complements(entry, kind),
    )
    return _Entry(movement, integer(pick(entry, "sequencia"), below=_INT8))


def _complements(entry: dict[str, Any], kind: Any) -> tuple[Complement, ...]:
    lists = (pick(holder, "complementos", "complementosTabelados") for holder in (kind, entry))
    found = [_complement(each) for value in lists for each in (entries(value) or ())[:COMPLEMENTS_MAX]]
    return tuple(dict.fromkeys(each for each in found if each is not None))[:COMPLEMENTS_MAX]


def _complement(entry: Any) -> Complement | None:
    if isinstance(entry, str):
        return Complement("", prose(entry)) if prose(entry) else None
    name = label(pick(entry, "nome", "descricao", "codigo"))
    value = label(pick(entry, "valor", "valorTabelado", "descricao", "nome"))
    return Complement(name, value) if value else None


class _Merger:
    """Merges one list after the other. Each list has its movements oldest first."""

    def __init__(self) -> None:
        self._found: list[Movement] = []
        self._keys: list[_Keys] = []

    def add(self, listed: list[Movement]) -> None:
        """Two movements of a list are never merged with each other."""
        known = _Left(self._found, self._keys)
        keys = [_keys(each) for each in listed]
        places = [known.take_same_second(each) for each in keys]
        for number, movement in enumerate(listed):
            if places[number] is None:
                places[number] = known.take_same_day(keys[number], lacks_time=_lacks_time(movement))
        for movement, own, place in zip(listed, keys, places, strict=True):
            if place is None:
                self._found.append(movement)
                self._keys.append(own)
            else:
                self._merge(place, movement, own)

    def _merge(self, place: int, other: Movement, keys: _Keys) -> None:
        known = self._found[place]
        occurred_at = known.occurred_at
        if _lacks_time(known):
            occurred_at, self._keys[place] = other.occurred_at, keys
        self._found[place] = msgspec.structs.replace(
            known,
            occurred_at=occurred_at,
            type_code=known.type_code or other.type_code,
            judging_body=known.judging_body or other.judging_body,
            complements=known.complements or other.complements,
        )

    def merged(self) -> tuple[Movement, ...]:
        """Return all movements, newest first, with their ordinals and places."""
        ordinals: dict[_Key, int] = {}
        places: dict[tuple[str, str], int] = {}
        numbered = []
        in_order = sorted(zip(self._found, self._keys, strict=True), key=lambda each: each[0].occurred_at or _EARLIEST)
        for movement, (key, _) in in_order:
            ordinals[key] = ordinals.get(key, 0) + 1
            places[key[:2]] = places.get(key[:2], 0) + 1
            numbered.append(msgspec.structs.replace(movement, ordinal=ordinals[key], place=places[key[:2]]))
        return tuple(reversed(numbered))


class _Left:
    """The movements of earlier lists that no movement of this list was found to be."""

    def __init__(self, found: list[Movement], keys: list[_Keys]) -> None:
        self._by_second: dict[_Key, list[int]] = {}
        self._by_day: dict[_Key, list[int]] = {}
        self._timeless: dict[_Key, list[int]] = {}  # of those, the ones without a time of the day
        self._used: set[int] = set()
        # From the last to the first: each is taken from the end of its list.
        for place in reversed(range(len(found))):
            second, day = keys[place]
            self._by_second.setdefault(second, []).append(place)
            self._by_day.setdefault(day, []).append(place)
            if _lacks_time(found[place]):
                self._timeless.setdefault(day, []).append(place)

    def take_same_second(self, keys: _Keys) -> int | None:
        return self._take(self._by_second.get(keys[0]))

    def take_same_day(self, keys: _Keys, *, lacks_time: bool) -> int | None:
        """Some systems leave out the time of the day: take the movement of another list that may be the same."""
        return self._take((self._by_day if lacks_time else self._timeless).get(keys[1]))

    def _take(self, places: list[int] | None) -> int | None:
        while places:
            if (place := places.pop()) not in self._used:
                self._used.add(place)
                return place
        return None


def _lacks_time(movement: Movement) -> bool:
    moved = movement.occurred_at
    return moved is not None and moved.astimezone(BRASILIA).time() == time()


def _keys(movement: Movement) -> _Keys:
    """What movements have in common that are the same: by the second, and by the day in Brazil."""
    moved, folded = movement.occurred_at, fold(movement.description)
    second = "" if moved is None else moved.astimezone(UTC).isoformat()[:19]
    day = "" if moved is None else moved.astimezone(BRASILIA).date().isoformat()
    return (movement.instance, second, folded), (movement.instance, day, folded)
