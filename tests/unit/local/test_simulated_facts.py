"""What the simulated portal lists beside documents: parties, movements, court bodies, related cases."""

from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from service.local.simulator import (
    Case,
    CaseSpec,
    DocumentSpec,
    Facts,
    FiledMovement,
    Instance,
    MovementSpec,
    PartySpec,
    RelatedSpec,
    build_case,
    make_case,
    sample_cases,
)
from service.local.simulator.cases.living import file_movement
from service.local.simulator.cases.sample_facts import SEALED_NAMES
from service.local.simulator.cases.samples import FEDERAL, LABOUR, STATE
from service.local.simulator.listing import listing_json, search_json

NUMBER = "7654321-71.2021.8.19.0001"
MANY = MovementSpec(description="Juntada", occurred_at="2022-02-01T09:10:11", count=300)
TWICE = CaseSpec(
    documents=(DocumentSpec(), DocumentSpec(instance=Instance.SECOND)),
    all_listed_twice=True,
    facts=Facts(movements=(MANY, msgspec.structs.replace(MANY, instance=Instance.SECOND))),
)


def lists(case: Case) -> list[dict[str, Any]]:
    """`tramitacaoAtual`, then `tramitacoes`."""
    answer = msgspec.json.decode(listing_json(case))
    found = answer[0] if isinstance(answer, list) else answer
    return [found["tramitacaoAtual"], *found.get("tramitacoes", ())]


def sample(number: str) -> list[dict[str, Any]]:
    return lists(next(case for case in sample_cases() if case.number == number))


def told(movement: dict[str, Any]) -> tuple[str | None, str | None]:
    """What is the same in each copy: the time to the second, and the description."""
    return (movement.get("dataHora") or "")[:19], movement["descricao"]


def test_every_list_may_be_listed_twice_with_its_movements() -> None:
    found = lists(build_case(NUMBER, TWICE))

    assert [(one["instancia"], len(one["movimentos"])) for one in found] == [
        ("SEGUNDO_GRAU", 300),
        ("PRIMEIRO_GRAU", 300),
        ("SEGUNDO_GRAU", 300),
        ("PRIMEIRO_GRAU", 300),
    ]
    assert [one["documentos"][0]["idOrigem"] for one in found[:2]] == [
        one["documentos"][0]["idOrigem"] for one in found[2:]
    ]


def test_copies_have_the_same_movements_in_another_order_and_shape() -> None:
    first, second = (one["movimentos"] for one in sample(STATE))

    assert Counter(map(told, first)) == Counter(map(told, second))
    assert list(map(told, first)) != list(map(told, second))
    assert all(set(one) == {"dataHora", "descricao"} for one in first)
    assert all(one["tipo"]["id"] in {26, 85, None} for one in second)


def test_a_filed_movement_is_the_only_one_more() -> None:
    case = build_case(NUMBER, TWICE)
    after, _ = file_movement(case, FiledMovement(description="Conclusos", instance=Instance.FIRST))

    for old, new in zip(lists(case), lists(after), strict=True):
        more = Counter(map(told, new["movimentos"])) - Counter(map(told, old["movimentos"]))
        assert [description for _, description in more] == (
            ["Conclusos"] if old["instancia"] == "PRIMEIRO_GRAU" else []
        )


def test_a_sample_has_equal_movements_and_ones_without_time_or_text() -> None:
    [only] = sample(FEDERAL)
    movements = only["movimentos"]

    assert len(movements) == 27
    assert max(Counter(map(told, movements)).values()) == 2
    assert [one["descricao"] for one in movements if "dataHora" not in one] == ["Remetidos os autos"]
    assert any(one["descricao"] is None for one in movements)
    assert any("&ccedil;" in (one["descricao"] or "") for one in movements)
    fractions = {len(one["dataHora"].partition(".")[2]) for one in movements if "dataHora" in one}
    assert fractions == {0, 1, 2, 3, 4, 5, 6}


def test_a_sample_has_300_movements_in_two_instances() -> None:
    assert [len(one["movimentos"]) for one in sample(LABOUR)] == [120, 180]


def test_a_sealed_party_has_its_name_in_the_answer_as_some_systems_do() -> None:
    [sealed] = [one for one in sample(LABOUR)[0]["partes"] if one["sigilosa"]]

    assert (sealed["nome"], sealed["representantes"][0]["nome"]) == SEALED_NAMES


def test_the_newest_distribution_says_who_has_the_case() -> None:
    [only] = sample(FEDERAL)
    newest = max(only["distribuicao"], key=lambda one: one["dataHora"])

    assert newest["orgaoJulgador"][0]["nome"] == "4ª Vara-Gabinete (exemplo)"
    assert newest is not only["distribuicao"][-1]


def test_related_cases_are_listed_with_the_current_instance() -> None:
    assert [one["tipoRelacao"] for one in sample(LABOUR)[0]["processosRelacionados"]] == ["ORIGINARIO", None]


def test_members_are_replaced_and_left_out() -> None:
    facts = Facts(
        parties=(PartySpec(name="X", members={"polo": None, "nova": 1}),),
        movements=(MovementSpec(members={"descricao": 7}),),
        related=(RelatedSpec(number=NUMBER),),
        members={"valorAcao": "48.500,75", "partes": {"polo": "ATIVO"}},
        absent=("assunto", "processosRelacionados"),
    )
    [only] = lists(build_case(NUMBER, CaseSpec(facts=facts)))

    assert (only["valorAcao"], only["partes"]) == ("48.500,75", {"polo": "ATIVO"})
    assert only["movimentos"] == [{"descricao": 7}]
    assert not {"assunto", "processosRelacionados"} & set(only)


@pytest.mark.parametrize("number", [FEDERAL, LABOUR])
def test_a_search_has_the_last_movement_of_each_list_and_no_documents(number: str) -> None:
    [case] = [case for case in sample_cases() if case.number == number]
    [found] = msgspec.json.decode(search_json([case]))["content"]

    assert "documentos" not in found["tramitacaoAtual"]
    for part, one in zip(lists(case), found["tramitacoes"], strict=True):
        assert one["ultimoMovimento"]["dataHora"] == max(each.get("dataHora", "") for each in part["movimentos"])
        assert one["orgaoJulgador"]["nome"]


def test_a_case_without_facts_of_its_own_has_one_movement_and_two_parties() -> None:
    [only] = lists(make_case(NUMBER, 1))

    assert only["movimentos"] == [{"dataHora": "2021-01-30T13:10:52.6", "descricao": "Distribuído por sorteio"}]
    assert len(only["partes"]) == 2


def test_a_search_for_a_case_without_movements_has_none() -> None:
    case = replace(make_case(NUMBER, 1), movements=())
    [found] = msgspec.json.decode(search_json([case]))["content"]

    assert found["tramitacoes"][0]["ultimoMovimento"] is None
