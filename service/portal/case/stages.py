"""Reads the instances of a case, its value, and the cases that the portal names beside it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from service.domain.case_data import Instance, RelatedProcess, fold
from service.domain.process_number import InvalidProcessNumber, ProcessNumber
from service.portal.case.values import (
    clean,
    entries,
    first_label,
    is_empty,
    is_whole,
    label,
    moment,
    money,
    objects,
    pick,
)
from service.portal.vocabulary import integer

UNKNOWN_INSTANCE = "DESCONHECIDA"
RELATED_MAX = 1000  # more are left out
_INT8 = 2**63
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class Stage(msgspec.Struct, frozen=True):
    """One `tramitacao` of a case."""

    instance: str
    node: dict[str, Any]
    is_current: bool = False

    @property
    def grade(self) -> int:
        """The number of the instance, 0 if it is not known."""
        return integer(pick(pick(self.node, "grau"), "numero"), below=_INT8) or 0


def instance_of(node: Any) -> str:
    """Return the name of an instance as documents have it."""
    return clean(pick(node, "instancia")) or UNKNOWN_INSTANCE


def read_instances(stages: list[Stage]) -> tuple[Instance, ...]:
    """Return each instance once, in the order of their grades."""
    named: dict[str, list[Stage]] = {}
    for stage in sorted(stages, key=lambda each: (each.grade, each.instance)):
        named.setdefault(stage.instance, []).append(stage)
    current = next((each.instance for each in stages if each.is_current), next(iter(named), None))
    return tuple(_instance(name, found, is_current=name == current) for name, found in named.items())


def _instance(name: str, stages: list[Stage], *, is_current: bool) -> Instance:
    first = sorted(stages, key=lambda each: not each.is_current)
    dates = (moment(pick(stage.node, "dataHoraAjuizamento", "dataAjuizamento")) for stage in stages)
    return Instance(
        instance=name,
        judging_body=next(filter(None, map(_judging_body, first)), None),
        court_class=next(filter(None, (_class_of(stage.node) for stage in first)), None),
        # Stored as JSON, and shown as it is stored.
        filed_at=min((each.astimezone(UTC) for each in dates if each is not None), default=None),
        is_current=is_current,
    )


def _class_of(node: Any) -> str | None:
    found = (pick(each, "descricao", "nome") for each in objects(pick(node, "classe", "classes", "classeProcessual")))
    return first_label(found) or (label(pick(node, "classe")) or None)


def _judging_body(stage: Stage) -> str | None:
    """The body of the last distribution that names one, else that of the `tramitacao`."""
    listed = [each for name in ("distribuicao", "distribuicoes") for each in objects(pick(stage.node, name))]
    dated = [(moment(pick(each, "dataHora", "data")) or _EARLIEST, each) for each in listed]
    # The last one that is written, of several at the same time.
    in_order = [each for _, each in sorted(dated, key=lambda each: each[0])]
    return next(filter(None, (_body(each) for each in [*reversed(in_order), stage.node])), None)


def _body(node: Any) -> str | None:
    places = [pick(node, "orgaoJulgador"), pick(node, "orgaoJulgadorLocal")]
    return first_label([*(pick(each, "nome") for place in places for each in objects(place)), *places])


def read_value(stages: list[Stage]) -> float | None:
    """Return the amount in dispute, that of the current instance if it has one."""
    ordered = sorted(stages, key=lambda each: not each.is_current)
    found = (money(pick(stage.node, "valorAcao", "valorCausa", "valorDaCausa")) for stage in ordered)
    return next((each for each in found if each is not None), None)


def read_related(lists: Iterable[Any], number: ProcessNumber) -> tuple[tuple[RelatedProcess, ...], bool]:
    """Return the related cases of several lists, each once, and whether all lists could be read.

    Those without a valid number are left out.
    """
    found: list[RelatedProcess] = []
    is_read = True
    for value in lists:
        listed = entries(value)
        is_read = is_read and (is_empty(value) or (listed is not None and is_whole(value)))
        found += _related(listed or ())
    return _once(found, number)[:RELATED_MAX], is_read


def _once(found: list[RelatedProcess], number: ProcessNumber) -> tuple[RelatedProcess, ...]:
    """A case without a relation is the same as one with it, that another list has."""
    once: dict[tuple[str, str], RelatedProcess] = {}
    for each in found:
        once.setdefault((each.process_number, fold(each.relation or "")), each)
    told = {number.masked, *(each.process_number for each in once.values() if each.relation)}
    return tuple(
        each
        for each in once.values()
        if each.process_number not in told or (each.relation and each.process_number != number.masked)
    )


def _related(listed: Iterable[Any]) -> Iterator[RelatedProcess]:
    for entry in listed:
        written = pick(entry, "numeroProcesso", "numero", "processo") if isinstance(entry, dict) else entry
        try:
            found = ProcessNumber.parse(_padded(label(written)))
        except InvalidProcessNumber:
            continue
        relation = first_label([pick(entry, "tipoRelacao"), pick(entry, "relacao"), pick(entry, "tipo")])
        yield RelatedProcess(found.masked, relation, first_label([pick(entry, "classe")]))


def _padded(written: str) -> str:
    """A number that was written as an integer has lost its zeros."""
    return written.zfill(20) if written.isdigit() else written
