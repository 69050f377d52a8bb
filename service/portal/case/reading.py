"""Reads the case as data from the objects of an answer."""

from typing import Any

from service.domain.case_data import CaseData
from service.domain.process_number import ProcessNumber
from service.portal.case.movements import MOVEMENT_LISTS, InstanceMovements, read_movements
from service.portal.case.parties import PARTY_LISTS, read_parties
from service.portal.case.stages import Stage, instance_of, read_instances, read_related, read_value
from service.portal.case.values import objects, pick

_RELATED = ("processosRelacionados", "processoRelacionado", "processosVinculados")


def read_case(found: list[dict[str, Any]], number: ProcessNumber) -> CaseData:
    """Return the case as data, from all its instances. Raises nothing: what cannot be read is left out.

    `found`: the objects about the case, from which the names of sealed parties have been removed.
    """
    stages = [stage for each in found for stage in _stages(each)]
    # Some answers have these lists beside the instances.
    holders = [*stages, *(stage for each in found for stage in _beside(each, stages))]
    people, are_parties_read = read_parties(pick(each.node, *PARTY_LISTS) for each in holders)
    moved, are_movements_read = read_movements(
        InstanceMovements(each.instance, pick(each.node, *MOVEMENT_LISTS)) for each in holders
    )
    related, are_related_read = read_related((pick(each.node, *_RELATED) for each in holders), number)
    instances = read_instances(stages)
    is_read = {"parties": are_parties_read, "movements": are_movements_read, "related_processes": are_related_read}
    return CaseData(
        value=read_value(holders),
        judging_body=next((each.judging_body for each in instances if each.is_current), None),
        instances=instances,
        parties=people,
        movements=moved,
        related_processes=related,
        unread=tuple(name for name, is_whole in is_read.items() if not is_whole),
    )


def _stages(case: dict[str, Any]) -> list[Stage]:
    current = [Stage(instance_of(each), each, is_current=True) for each in objects(case.get("tramitacaoAtual"))]
    return current + [Stage(instance_of(each), each) for each in objects(case.get("tramitacoes"))]


def _beside(case: dict[str, Any], stages: list[Stage]) -> list[Stage]:
    around = stages[0].instance if stages else None
    nodes = [case, *objects(pick(case, "dadosBasicos"))]
    return [Stage(around or instance_of(each), each) for each in nodes]
