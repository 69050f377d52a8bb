"""Builds cases from short descriptions: for tests, and for other processes as JSON."""

from collections.abc import Sequence, Set
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from service.local.simulator.cases.cases import Case, CaseDocument, Kind, Proceeding, masked
from service.local.simulator.cases.content import check_size
from service.local.simulator.cases.facts import Facts, Instance, MovementSpec, singles

_Positive = Annotated[int, msgspec.Meta(ge=1)]
_FRACTION_DIGITS = 7  # 0 to 6: all of them occur


class DocumentSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One document, or `count` equal ones, each with its own `origin_id`.

    `size` in bytes. `declared=False` leaves `arquivo` out; `declared_size` makes `arquivo` lie.
    """

    name: str | None = None
    count: _Positive = 1
    size: _Positive = 20_000
    kind: Kind = Kind.PDF
    instance: Instance = Instance.FIRST
    origin_id: str | None = None
    type_name: str = "Documento"
    type_code: int | None = None
    declared: bool = True
    declared_size: int | None = None
    binary_href: bool = True
    text_href: bool = True
    secrecy: str = "PUBLICO"
    revision: _Positive = 1


class CaseSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case in short. With documents of both instances, the second one is `tramitacaoAtual`.

    `listed_twice` shows all documents of the first list again in `tramitacoes`, under other uuids and
    without `arquivo`; `all_listed_twice` those of every list. Movements are listed where documents are.
    `bare_object`: the answer is the object itself, not a list that holds it.
    """

    documents: tuple[DocumentSpec, ...] = ()
    bare_object: bool = False
    listed_twice: bool = False
    all_listed_twice: bool = False
    newest_first: bool = True
    secrecy_level: int = 0
    court: str | None = None
    facts: Facts = Facts()


def make_case(
    number: str,
    documents: int | Sequence[DocumentSpec] = 3,
    *,
    size: int = 20_000,
    kind: Kind = Kind.PDF,
    names: Sequence[str] = (),
    bare_object: bool = False,
    listed_twice: bool = False,
) -> Case:
    """A case of so many equal documents, or with the given `names`, or of the given specs.

    Raises ValueError for a malformed number or a `size` too small for the kind.
    """
    specs = documents if not isinstance(documents, int) else _alike(documents, size, kind, names)
    spec = CaseSpec(documents=tuple(specs), bare_object=bare_object, listed_twice=listed_twice)
    return build_case(number, spec)


def build_case(number: str, spec: CaseSpec) -> Case:
    """Raises ValueError for a malformed number, ids used twice, or a size too small for its kind."""
    number, copies = masked(number), 2 if spec.listed_twice or spec.all_listed_twice else 1
    documents = [_document(number, one, place, copies) for place, one in enumerate(_singles(spec.documents), 1)]
    _refuse_doubles(documents)
    movements = None if spec.facts.movements is None else singles(spec.facts.movements)
    lists = _lists(documents, {one.instance for one in movements or ()})
    lists += [_again(part) for part in (lists if spec.all_listed_twice else lists[: copies - 1])]
    return Case(
        number=number,
        court=spec.court or _court(number),
        current=lists[0],
        others=tuple(lists[1:]),
        bare_object=spec.bare_object,
        newest_first=spec.newest_first,
        secrecy_level=spec.secrecy_level,
        facts=spec.facts,
        movements=_first_movements(number, lists) if movements is None else movements,
    )


def _again(part: Proceeding) -> Proceeding:
    return Proceeding(part.instance, part.documents, copy=1, source=part.source - 4)


def _first_movements(number: str, lists: Sequence[Proceeding]) -> tuple[MovementSpec, ...]:
    """One movement in each instance."""
    instances = dict.fromkeys(part.instance for part in lists)
    time = f"{number[11:15]}-01-30T13:10:52.6"
    return tuple(
        MovementSpec(description="Distribuído por sorteio", occurred_at=time, instance=one) for one in instances
    )


def _alike(count: int, size: int, kind: Kind, names: Sequence[str]) -> list[DocumentSpec]:
    if names:
        return [DocumentSpec(name=name, size=size, kind=kind) for name in names]
    return [DocumentSpec(count=count, size=size, kind=kind)] if count else []


def _singles(specs: Sequence[DocumentSpec]) -> list[DocumentSpec]:
    return [
        spec if spec.count == 1 or not spec.origin_id else _numbered(spec, spec.origin_id, index)
        for spec in specs
        for index in range(spec.count)
    ]


def _numbered(spec: DocumentSpec, origin_id: str, index: int) -> DocumentSpec:
    return msgspec.structs.replace(spec, origin_id=f"{origin_id}-{index + 1}")


def _document(number: str, spec: DocumentSpec, place: int, copies: int) -> CaseDocument:
    declared_size = spec.size if spec.declared_size is None else spec.declared_size
    document = CaseDocument(
        case_number=number,
        instance=spec.instance,
        origin_id=spec.origin_id or str(410_200_000 + place * 613),
        sequence=place,
        filed_at=_moment(number, place),
        name=f"Documento {place}.{spec.kind}" if spec.name is None else spec.name,
        type_name=spec.type_name,
        type_code=spec.type_code,
        kind=spec.kind,
        size=spec.size,
        declared_size=declared_size if spec.declared else None,
        has_binary_href=spec.binary_href,
        has_text_href=spec.text_href,
        secrecy=spec.secrecy,
        revision=spec.revision,
        copies=copies,
    )
    check_size(document)
    return document


def _moment(number: str, place: int) -> str:
    """ISO time without offset; the fraction has `place` modulo seven digits."""
    base = datetime.fromisoformat(f"{number[11:15]}-02-01T09:10:11")
    moment = base + timedelta(days=place % 300, minutes=place)
    fraction = f"{place * 123_457 % 1_000_000:06d}"[: place % _FRACTION_DIGITS]
    return moment.isoformat() + (f".{fraction}" if fraction else "")


def _lists(documents: Sequence[CaseDocument], instances: Set[Instance]) -> list[Proceeding]:
    parts = []
    for instance in (Instance.SECOND, Instance.FIRST):
        chosen = tuple(one for one in documents if one.instance is instance)
        if chosen or instance in instances:
            parts.append(Proceeding(instance, chosen, copy=0, source=2319))
    return parts or [Proceeding(Instance.FIRST, (), copy=0, source=2319)]


def _refuse_doubles(documents: Sequence[CaseDocument]) -> None:
    if len({one.identity for one in documents}) != len(documents):
        raise ValueError("two documents of one instance have the same origin_id")


def _court(number: str) -> str:
    segment, court = number[16], number[18:20]
    state_courts = {"19": "TJRJ", "26": "TJSP"}
    return {"4": f"TRF{int(court)}", "5": f"TRT{int(court)}"}.get(segment, state_courts.get(court, f"TJ{court}"))
