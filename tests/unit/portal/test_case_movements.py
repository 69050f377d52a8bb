"""The movements of a case: those of several lists are merged, and equal ones of one list are counted."""

from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.case_data import CaseData, Complement
from service.domain.process_number import ProcessNumber
from tests.support.database.listings import NUMBER, document, moved, read_case, read_stage, stage

FIRST, SECOND = "PRIMEIRO_GRAU", "SEGUNDO_GRAU"


def told(found: CaseData) -> list[tuple[str, int]]:
    return [(each.description, each.ordinal) for each in found.movements]


def test_a_movement_of_the_data_lake_is_read() -> None:
    complement = {"codigo": 4, "nome": "destino", "valor": "arquivo"}
    movement = moved(
        0,
        "Remetidos os Autos",
        sequencia=3,
        idCodex=25863261740,
        classe={"codigo": 7, "descricao": "Procedimento"},
        tipo={"id": 123, "nome": "Remessa", "complementos": [complement, None, complement]},
        orgaoJulgador={"id": 1, "nome": "2a Vara", "ibge": {}},
        usuario={"nome": "Fulano", "login": "fulano"},
        magistrado=None,
    )

    [found] = read_stage(movimentos=[movement]).movements

    assert (found.description, found.type_code, found.judging_body) == ("Remetidos os Autos", 123, "2a Vara")
    assert found.complements == (Complement("destino", "arquivo"),)


def test_300_movements_of_each_of_two_instances_listed_twice_are_600() -> None:
    first, second = ([moved(number, f"Ato {number}") for number in range(300)] for _ in range(2))
    stages = [
        stage(document(), instancia=SECOND, movimentos=first),
        stage(instancia=FIRST, movimentos=second),
        stage(instancia=SECOND, movimentos=first[::-1]),
        stage(instancia=FIRST, movimentos=second[::-1]),
    ]
    before = read_case(*stages)

    stages[0] = stages[0] | {"movimentos": [moved(300, "Novo"), *first]}
    after = read_case(*stages)

    number = ProcessNumber.parse(NUMBER)
    ids = [{each.id_in(number) for each in found.movements} for found in (before, after)]
    assert [len(found.movements) for found in (before, after)] == [len(each) for each in ids] == [600, 601]
    assert ids[0] < ids[1]
    assert after.movements[0].description == "Novo"


def test_equal_movements_of_one_list_stay_apart_and_those_of_its_copy_are_the_same() -> None:
    twice = [moved(0), moved(0)]

    assert told(read_stage(movimentos=twice)) == [("Ato", 2), ("Ato", 1)]
    assert told(read_case(stage(document(), movimentos=twice), stage(movimentos=[moved(0)]))) == [
        ("Ato", 2),
        ("Ato", 1),
    ]
    assert told(read_case(stage(document(), movimentos=[moved(0)]), stage(movimentos=twice))) == [
        ("Ato", 2),
        ("Ato", 1),
    ]


@pytest.mark.parametrize(
    "other",
    [
        moved(0, "JUNTADA  de Peti&ccedil;&atilde;o"),
        moved(0, "juntada de peticao", dataHora="2024-01-01T13:00:00Z"),
        moved(0, "Juntada de Petição", dataHora="2024-01-01T10:00:00.999"),
        moved(0, "Juntada de Petição", dataHora="2024-01-01"),
        moved(0, "Juntada de Petição", dataHora="01/01/2024"),
    ],
)
def test_a_copy_may_be_written_otherwise(other: dict[str, Any]) -> None:
    first, second = stage(document(), movimentos=[moved(0, "Juntada de Petição")]), stage(movimentos=[other])

    [one], [same] = read_case(first, second).movements, read_case(stage(document()) | second, first).movements

    number = ProcessNumber.parse(NUMBER)
    assert one.id_in(number) == same.id_in(number)
    assert read_case(first, second, first, second).movements == (one,)


def test_what_one_copy_lacks_the_other_has() -> None:
    typed = moved(0, tipo={"id": 26}, orgaoJulgador={"nome": "1a Vara"})

    [found] = read_case(stage(document(), movimentos=[moved(0)]), stage(movimentos=[typed])).movements

    assert (found.type_code, found.judging_body) == (26, "1a Vara")


@pytest.mark.parametrize("turn", [1, -1])
def test_movements_of_one_second_keep_the_order_of_the_list(turn: int) -> None:
    listed = [moved(0, "A"), moved(5, "B"), moved(5, "C"), moved(9, "D")][::turn]

    assert [each for each, _ in told(read_stage(movimentos=listed))] == ["D", "C", "B", "A"]


@pytest.mark.parametrize(
    ("entry", "description"),
    [
        ({"dataHora": "2024-01-01T10:00:00", "tipo": {"nome": "Remessa"}}, "Remessa"),
        ({"dataHora": None, "descricao": "Ato"}, "Ato"),
        ({"dataHora": {"x": 1}, "descricao": "Ato", "tipo": [], "orgaoJulgador": 3}, "Ato"),
        ({"dataHora": "2024-01-01T10:00:00", "descricao": ["x"]}, "Movimento"),
        ({"DataHora": "2024-01-01T10:00:00", "Descrição": "Ato"}, "Ato"),
    ],
)
def test_an_odd_member_of_a_movement_costs_only_itself(entry: dict[str, Any], description: str) -> None:
    found = read_stage(movimentos=[None, "x", 3, {}, entry])

    assert [each.description for each in found.movements] == [description]
    assert found.unread == ()


_LISTED = st.lists(st.builds(moved, st.integers(0, 3), st.sampled_from(["Ato", "ATO", "Outro"])), max_size=12)


@given(_LISTED, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_ids_do_not_depend_on_the_order_or_on_how_often_a_list_comes(listed: list[Any], random: Random) -> None:
    shuffled = random.sample(listed, len(listed))
    part = random.sample(listed, len(listed) // 2)

    def ids(*lists: list[Any]) -> list[UUID]:
        found = read_case(stage(document()), *(stage(movimentos=each) for each in lists))
        return sorted(each.id_in(ProcessNumber.parse(NUMBER)) for each in found.movements)

    expected = ids(listed)
    assert len(set(expected)) == len(listed)
    assert ids(shuffled) == ids(listed, shuffled) == ids(part, shuffled, listed) == expected
