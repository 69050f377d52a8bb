"""Reads the parties of a case and merges those of several lists."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from service.domain.case_data import Party, PartyKind, Pole, Representative, fold
from service.portal.case.sealing import is_sealed
from service.portal.case.values import entries, first_label, is_empty, is_whole, label, objects, pick, spread
from service.portal.raw_json import folded

PARTY_LISTS = ("partes", "parte", "polos", "polo")
_INNER = ("parte", "partes", "pessoas")  # of an object that stands for one side
_PERSON = ("pessoa", "dadosPessoa", "pessoaFisica", "pessoaJuridica")
_POLES = {
    Pole.ACTIVE: re.compile(r"(?:polo)?(?:ativ[oa]s?|at|active|a)"),
    Pole.PASSIVE: re.compile(r"(?:polo)?(?:passiv[oa]s?|pa|passive|p)"),
}
#: Roles of one side, for a party without a pole.
_ROLES = {
    Pole.ACTIVE: re.compile(
        r"autora?|(?:requer|exequ|reclam|impetr|promov|demand|embarg|apel|agrav|recorr|suscit|denunci)[ae]nte"
    ),
    Pole.PASSIVE: re.compile(
        r"reu?|requerid[oa]|executad[oa]|(?:reclam|impetr|demand|embarg|apel|agrav|suscit|denunci)ad[oa]|promovid[oa]"
        r"|recorrid[oa]"
    ),
}
_KINDS = {
    PartyKind.PERSON: re.compile(r"(?:pessoa)?fisica|pf|f|natural"),
    PartyKind.COMPANY: re.compile(r"(?:pessoa)?juridica|pj|j|empresa"),
    PartyKind.AUTHORITY: re.compile(r"(?:ente)?autoridade|orgao\w*|ente\w*"),
}
_Key = tuple[Pole, str]


def read_parties(lists: Iterable[Any]) -> tuple[tuple[Party, ...], bool]:
    """Return the parties of several lists, each once, and whether all lists could be read.

    Two equal ones of one list are two parties. A party of two lists is one: that with the same pole and name.
    """
    known: list[Party] = []
    is_read = True
    for value in lists:
        found = list(_of_list(value))
        is_read = is_read and (is_empty(value) or (bool(found) and is_whole(value)))
        _add(known, found)
    return tuple(known), is_read


def _of_list(value: Any) -> Iterator[Party]:
    for entry in objects(value):
        inner = pick(entry, *_INNER)
        if isinstance(inner, dict | list):
            side = {"polo": pick(entry, "polo", "nome", "sigla")}
            yield from (_party(side | each) for each in objects(inner))
        elif len(entry) > 0:
            yield _party(entry)


def _add(known: list[Party], found: list[Party]) -> None:
    places: dict[_Key, list[int]] = {}
    for place, party in enumerate(known):
        places.setdefault(_key(party), []).append(place)
    for party in found:
        candidates = places.get(_key(party), [])
        if not candidates:
            known.append(party)
            continue
        place = next((each for each in candidates if known[each].role == party.role), candidates[0])
        candidates.remove(place)
        known[place] = _merged(known[place], party)


def _key(party: Party) -> _Key:
    return party.pole, fold(party.name or "")


def _merged(first: Party, second: Party) -> Party:
    is_sealed = first.is_sealed or second.is_sealed
    return msgspec.structs.replace(
        first,
        role=first.role or second.role,
        kind=first.kind or second.kind,
        is_sealed=is_sealed,
        representatives=_unequal(first.representatives + second.representatives, is_sealed=is_sealed),
    )


def _party(entry: dict[str, Any]) -> Party:
    role = first_label(_members(entry, "tipoParte", "papel", "qualificacao", "tipo", "participacao"))
    sealed = any(is_sealed(each) for each in spread([entry], *_PERSON))
    named = first_label(_members(entry, "nome", "nomeSocial", "nomeParte", "razaoSocial"))
    return Party(
        pole=_pole(label(pick(entry, "polo", "tipoPolo")), role),
        role=role,
        name=None if sealed else named,
        kind=_kind(first_label(_members(entry, "tipoPessoa", "naturezaPessoa", "natureza"))),
        is_sealed=sealed,
        representatives=_representatives(entry, is_sealed=sealed),
    )


def _members(entry: dict[str, Any], *names: str) -> Iterator[Any]:
    """The members with these names, in the order of the names, also those of the person inside."""
    holders = list(spread([entry], *_PERSON))
    return (pick(holder, name) for name in names for holder in holders)


def _pole(written: str, role: str | None) -> Pole:
    word = folded(written)
    for pole, pattern in _POLES.items():
        if pattern.fullmatch(word):
            return pole
    roles = _ROLES.items() if not word else ()
    return next((pole for pole, pattern in roles if pattern.fullmatch(folded(role or ""))), Pole.OTHER)


def _kind(written: str | None) -> PartyKind | None:
    word = folded(written or "")
    return next((kind for kind, pattern in _KINDS.items() if pattern.fullmatch(word)), None)


def _representatives(entry: dict[str, Any], *, is_sealed: bool) -> tuple[Representative, ...]:
    lists = (pick(entry, name) for name in ("representantes", "advogados", "procuradores", "representante"))
    found = [_representative(each) for value in lists for each in entries(value) or ()]
    return _unequal(tuple(each for each in found if each is not None), is_sealed=is_sealed)


def _unequal(found: tuple[Representative, ...], *, is_sealed: bool) -> tuple[Representative, ...]:
    """Each representative once. Those of a sealed party would tell who it is: only their roles are left."""
    if is_sealed:
        return tuple(Representative(role=each.role) for each in dict.fromkeys(found))
    once: dict[tuple[str, str], Representative] = {}
    for each in found:
        once.setdefault((fold(each.name or ""), folded(each.registration or "")), each)
    return tuple(once.values())


def _representative(entry: Any) -> Representative | None:
    if isinstance(entry, str):
        return Representative(name=label(entry)) if label(entry) else None
    if not isinstance(entry, dict):
        return None
    role = first_label(_members(entry, "tipoRepresentacao", "tipoRepresentante", "papel", "tipo", "qualificacao"))
    if any(is_sealed(each) for each in spread([entry], *_PERSON)):
        return Representative(role=role)
    name = first_label(_members(entry, "nome", "nomeSocial", "nomeRepresentante"))
    registrations = _members(entry, "oab", "numeroOab", "oabs", "inscricaoOab", "inscricao", "registro", "registration")
    registration = next(filter(None, map(_registration, registrations)), None)
    return Representative(name, role, registration) if name or role or registration else None


def _registration(value: Any) -> str | None:
    """Return a registration as it is written; one in parts as "SP 123456"."""
    for each in [] if value is None else entries(value) or [value]:
        if not isinstance(each, dict):
            parts = [label(each)]
        else:
            parts = [label(pick(each, "uf", "siglaUf", "estado")), label(pick(each, "numero", "inscricao", "valor"))]
        if parts[-1]:
            return " ".join(filter(None, parts))
    return None
