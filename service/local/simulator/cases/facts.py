"""What a case holds beside its documents: parties, movements, related cases, value. Every name is plainly invented."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec

_FRACTION_DIGITS = 7  # 0 to 6: all of them occur
_Positive = Annotated[int, msgspec.Meta(ge=1)]


class Instance(StrEnum):
    """Level of the court that holds a list of documents."""

    FIRST = "PRIMEIRO_GRAU"
    SECOND = "SEGUNDO_GRAU"


class Shape(StrEnum):
    """How a movement is written. A second copy of a list has the other shape."""

    DETAIL = "detail"  #: time and description
    LAKE = "lake"  #: with type, complements, court body and ids, as the data lake does


class RepresentativeSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`registration`: letters of a state, then digits. The state `ZZ` does not exist."""

    name: str | None = None
    role: str | None = "ADVOGADO"
    registration: str | None = None


class PartySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member that is None is left out. `members` replace those of the JSON object, or add to them.

    A sealed party has its name in the answer nevertheless, as some systems do.
    """

    name: str | None = None
    pole: str | None = "ATIVO"
    role: str | None = None
    kind: str | None = None
    is_sealed: bool = False
    other_names: tuple[str, ...] = ()
    representatives: tuple[RepresentativeSpec, ...] = ()
    members: Mapping[str, Any] = {}


class ComplementSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A complement of a movement's type."""

    name: str
    value: str


class MovementSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One movement, or `count` of them, an hour apart.

    `occurred_at`: as the portal writes it, without offset; None for a movement without time. `members` replace those
    of the JSON object, or add to them.
    """

    description: str | None = "Movimento de exemplo"
    occurred_at: str | None = None
    count: _Positive = 1
    instance: Instance = Instance.FIRST
    type_code: int | None = None
    complements: tuple[ComplementSpec, ...] = ()
    shape: Shape = Shape.DETAIL
    members: Mapping[str, Any] = {}


class RelatedSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another case that belongs to this one."""

    number: str
    relation: str | None = "DEPENDENCIA"
    court_class: str | None = "Cumprimento de Sentença (exemplo)"


def _bodies() -> dict[Instance, tuple[str, ...]]:
    return {Instance.FIRST: ("3ª Vara (exemplo)",), Instance.SECOND: ("2ª Turma (exemplo)",)}


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`judging_bodies`: those of one instance in the order of distribution, the last one has the case now.

    `members` replace members of each list's object (a `tramitacao`), or add to them; `absent` leaves members out.
    """

    value: float | None = 48_500.75
    judging_bodies: Mapping[Instance, tuple[str, ...]] = msgspec.field(default_factory=_bodies)
    parties: tuple[PartySpec, ...] = (
        PartySpec(name="PARTE AUTORA DE EXEMPLO"),
        PartySpec(name="EMPRESA INVENTADA LTDA", pole="PASSIVO", other_names=("INVENTADA",)),
    )
    movements: tuple[MovementSpec, ...] | None = None
    related: tuple[RelatedSpec, ...] = ()
    members: Mapping[str, Any] = {}
    absent: tuple[str, ...] = ()


def singles(specs: tuple[MovementSpec, ...]) -> tuple[MovementSpec, ...]:
    """Each movement by itself."""
    return tuple(_single(spec, index) for spec in specs for index in range(spec.count))


def _single(spec: MovementSpec, index: int) -> MovementSpec:
    if spec.count == 1 or spec.occurred_at is None:
        return msgspec.structs.replace(spec, count=1)
    return msgspec.structs.replace(spec, count=1, occurred_at=later(spec.occurred_at, index))


def later(time: str, place: int) -> str:
    """`place` hours after an ISO time; with a fraction of `place` modulo seven digits."""
    moment = datetime.fromisoformat(time).replace(microsecond=0) + timedelta(hours=place)
    fraction = f"{place * 123_457 % 1_000_000:06d}"[: place % _FRACTION_DIGITS]
    return moment.isoformat() + (f".{fraction}" if fraction else "")
