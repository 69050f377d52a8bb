"""The case as data, from answers of the recorded shapes and of many others."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.case_data import (
    Instance,
    Movement,
    Party,
    PartyKind,
    Pole,
    RelatedProcess,
    Representative,
)
from service.domain.process_number import ProcessNumber
from service.portal.errors import NotFound, Unavailable
from tests.support.database.listings import (
    JSON,
    NUMBER,
    case,
    document,
    moved,
    parse,
    read_case,
    read_stage,
    stage,
)

OTHER = "7654321-71.2021.8.19.0001"
FIRST, SECOND = "PRIMEIRO_GRAU", "SEGUNDO_GRAU"


def one_party(**fields: Any) -> Party:
    [party] = read_stage(partes=[{"polo": "ATIVO", "nome": "Ana"} | fields]).parties
    return party


def test_the_shapes_of_the_portal_are_read() -> None:
    party = {
        "polo": "ATIVO",
        "tipoParte": "AUTOR",
        "nome": "Empresa &amp; Filhos",
        "tipoPessoa": "JURIDICA",
        "outrosNomes": [{"nome": "Outro", "tipo": "ALIAS"}],
        "sigilosa": False,
        "representantes": [{"nome": "Bia", "tipoRepresentacao": "ADVOGADO", "oab": "SP123456"}],
    }
    body = {"tribunal": {"sigla": "TJSP"}, "id": 7, "nome": "1a Vara Cível"}
    current = stage(
        document(),
        dataHoraAjuizamento="2024-01-01T09:00:00",
        valorAcao=1000.5,
        classe=[{"codigo": 7, "descricao": "Procedimento Comum"}],
        distribuicao=[{"dataHora": "2024-01-01T09:00:00", "orgaoJulgador": [body]}],
        partes=[party],
        movimentos=[moved(0, "Distribuído")],
        processosRelacionados=[
            {"numeroProcesso": OTHER, "tipoRelacao": "APENSO", "classe": {"id": 1, "descricao": "Execução"}}
        ],
    )

    found = read_case(current)

    filed_at = datetime(2024, 1, 1, 12, tzinfo=UTC)
    assert (found.value, found.judging_body, found.unread) == (1000.5, "1a Vara Cível", ())
    assert found.instances == (Instance(FIRST, "1a Vara Cível", "Procedimento Comum", filed_at, is_current=True),)
    assert [str(each.filed_at)[-6:] for each in found.instances] == ["+00:00"]
    lawyer = Representative("Bia", "ADVOGADO", "SP123456")
    assert found.parties == (
        Party(Pole.ACTIVE, "AUTOR", "Empresa & Filhos", PartyKind.COMPANY, representatives=(lawyer,)),
    )
    occurred_at = datetime(2024, 1, 1, 13, tzinfo=UTC)
    assert found.movements == (Movement(occurred_at, "Distribuído", FIRST, ordinal=1, place=1),)
    assert found.related_processes == (RelatedProcess(OTHER, "APENSO", "Execução"),)


@pytest.mark.parametrize(
    ("written", "pole"),
    [
        *(("ATIVO", Pole.ACTIVE), ("Polo Ativo", Pole.ACTIVE), ("pólo_ativo", Pole.ACTIVE), ("AT", Pole.ACTIVE)),
        *(("PASSIVO", Pole.PASSIVE), ("PA", Pole.PASSIVE), ({"nome": "Passivo"}, Pole.PASSIVE)),
        *(("TERCEIRO", Pole.OTHER), ("TC", Pole.OTHER), ("OUTROS", Pole.OTHER), ("", Pole.OTHER), (None, Pole.OTHER)),
        *((3, Pole.OTHER), (["ATIVO"], Pole.ACTIVE)),
    ],
)
def test_the_pole_of_a_party(written: Any, pole: Pole) -> None:
    assert one_party(polo=written).pole is pole


@pytest.mark.parametrize(
    ("role", "pole"),
    [
        *(("AUTOR", Pole.ACTIVE), ("Requerente", Pole.ACTIVE), ("RÉU", Pole.PASSIVE), ("EXECUTADA", Pole.PASSIVE)),
        *(("REPRESENTANTE", Pole.OTHER), ("PERITO", Pole.OTHER)),
    ],
)
def test_a_party_without_a_pole_has_that_of_its_role(role: str, pole: Pole) -> None:
    assert one_party(polo=None, tipoParte=role).pole is pole


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        *(("FISICA", PartyKind.PERSON), ("Pessoa Física", PartyKind.PERSON), ("PF", PartyKind.PERSON)),
        *(("JURIDICA", PartyKind.COMPANY), ("PESSOA_JURIDICA", PartyKind.COMPANY)),
        *(("AUTORIDADE", PartyKind.AUTHORITY), ("ENTE_AUTORIDADE", PartyKind.AUTHORITY)),
        *(("OUTRA", None), (None, None), (1, None), ({}, None)),
    ],
)
def test_the_kind_of_a_party(written: Any, kind: PartyKind | None) -> None:
    assert one_party(tipoPessoa=written).kind is kind


@pytest.mark.parametrize(
    ("entry", "registration"),
    [
        ({"nome": "Bia", "oab": "SP 123.456-B"}, "SP 123.456-B"),
        ({"nome": "Bia", "oab": {"uf": "SP", "numero": 123456}}, "SP 123456"),
        ({"nome": "Bia", "oab": [{"siglaUf": "RJ", "numero": "9"}]}, "RJ 9"),
        ({"nome": "Bia", "numeroOab": 5}, "5"),
        ({"pessoa": {"nome": "Bia"}, "inscricao": "7"}, "7"),
        ({"nome": "Bia", "oab": None}, None),
        ("Bia", None),
    ],
)
def test_the_registration_of_a_lawyer_is_as_written(entry: Any, registration: str | None) -> None:
    assert one_party(representantes=[entry, None, 3]).representatives == (Representative("Bia", None, registration),)


def test_a_party_of_two_lists_is_one_and_two_equal_ones_of_a_list_are_two() -> None:
    ana, lawyer = {"polo": "ATIVO", "nome": "ANA"}, {"nome": "Bia"}
    copy = {"polo": "Ativo", "nome": "Ana", "tipoParte": "AUTOR", "representantes": [lawyer]}

    found = read_case(
        stage(document(), partes=[ana, ana]), stage(partes=[copy]), stage(partes=[ana | {"polo": "PASSIVO"}])
    )

    assert [(each.pole, each.name, each.role) for each in found.parties] == [
        (Pole.ACTIVE, "ANA", "AUTOR"),
        (Pole.ACTIVE, "ANA", None),
        (Pole.PASSIVE, "ANA", None),
    ]
    assert found.parties[0].representatives == (Representative("Bia"),)


def test_parties_may_be_grouped_by_sides() -> None:
    sides = [{"polo": "AT", "parte": [{"nome": "Ana"}]}, {"polo": "PA", "parte": {"nome": "Bia"}}]

    found = read_stage(polos=sides).parties

    assert [(each.pole, each.name) for each in found] == [(Pole.ACTIVE, "Ana"), (Pole.PASSIVE, "Bia")]


def test_an_object_for_a_list_is_its_only_entry() -> None:
    found = read_stage(partes={"polo": "ATIVO", "nome": "Ana"}, movimentos=moved(0), processosRelacionados=OTHER)

    assert (len(found.parties), len(found.movements), found.unread) == (1, 1, ("related_processes",))


@pytest.mark.parametrize("value", ["x", 3, True, ["x"], [None], [[]]])
def test_a_list_that_cannot_be_read_is_not_an_empty_one(value: Any) -> None:
    listing = parse([case(stage(document(), partes=value, movimentos=value))])

    assert len(listing.documents) == 1
    assert listing.case is not None
    assert listing.case.unread == ("parties", "movements")


def test_a_page_of_a_list_may_not_be_all() -> None:
    page = {"content": [moved(0)], "totalElements": 300}

    found = read_stage(movimentos=page)

    assert (len(found.movements), found.unread) == (1, ("movements",))
    assert read_stage(movimentos=page | {"totalElements": 1}).unread == ()
    assert read_stage(movimentos={"content": [], "last": False}).unread == ("movements",)


@pytest.mark.parametrize("value", [None, [], {}, "", {"content": []}])
def test_an_empty_list_is_no_fault(value: Any) -> None:
    found = read_stage(partes=value, movimentos=value, processosRelacionados=value)

    assert (found.parties, found.movements, found.related_processes, found.unread) == ((), (), (), ())


def test_lists_beside_the_instances_are_read_too() -> None:
    found = read_case(stage(document()), partes=[{"nome": "Ana"}], dadosBasicos={"movimentos": [moved(0)]})

    assert [each.name for each in found.parties] == ["Ana"]
    assert [each.instance for each in found.movements] == [FIRST]


def test_the_body_is_that_of_the_last_distribution_of_the_current_instance() -> None:
    def distribution(day: int, name: Any) -> dict[str, Any]:
        return {"dataHora": f"2024-01-{day:02}T10:00:00", "orgaoJulgador": [{"nome": name}]}

    higher = stage(document(), instancia=SECOND, grau={"numero": 2}, distribuicao=[distribution(5, "Câmara")])
    lower = stage(
        grau={"numero": 1},
        distribuicoes=[distribution(2, "1a Vara"), distribution(3, "2a Vara"), distribution(4, None)],
    )
    local = stage(document(), distribuicao={"orgaoJulgadorLocal": {"nome": "Local"}})

    found = read_case(higher, lower)

    assert found.judging_body == "Câmara"
    assert [(each.instance, each.judging_body, each.is_current) for each in found.instances] == [
        (FIRST, "2a Vara", False),
        (SECOND, "Câmara", True),
    ]
    assert read_case(local).judging_body == "Local"
    assert read_case(stage(document(), orgaoJulgador={"nome": "Outra"})).judging_body == "Outra"


def test_the_value_is_that_of_the_current_instance_else_of_another() -> None:
    assert read_case(stage(document(), valorAcao="R$ 5,00"), stage(valorAcao=7)).value == 5.0
    assert read_case(stage(document(), valorAcao="x"), stage(valorAcao=7)).value == 7.0


def test_related_cases_are_listed_once_each_with_a_valid_number() -> None:
    digits = ProcessNumber.parse(OTHER).digits
    related = [
        {"numeroProcesso": digits},
        {"numeroProcesso": digits, "tipoRelacao": "APENSO"},
        {"numeroProcesso": OTHER, "tipoRelacao": "Apenso"},
        {"numeroProcesso": OTHER, "tipoRelacao": {"descricao": "Recurso"}},
        {"numeroProcesso": NUMBER},
        {"numeroProcesso": "0001234-56.2023.8.26.0000"},
        *(None, 3, {}),
    ]

    found = read_stage(processosRelacionados=related).related_processes

    assert found == (RelatedProcess(OTHER, "APENSO"), RelatedProcess(OTHER, "Recurso"))


_NAMES = st.sampled_from(
    (
        *("partes", "movimentos", "polo", "nome", "sigilosa", "tipo", "dataHora", "descricao", "representantes", "oab"),
        *("valorAcao", "distribuicao", "orgaoJulgador", "outrosNomes", "processosRelacionados", "complementos", "grau"),
    )
)
_ODD = st.recursive(
    JSON | st.sampled_from(["ATIVO", "S", "2024-01-01T10:00:00", "R$ 1,00", "<b", "&#0;", "\ud800", 10**30, -1, 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(_NAMES, _ODD, max_size=6), st.dictionaries(_NAMES, _ODD, max_size=4))
@settings(max_examples=40, deadline=None)
def test_nothing_that_json_can_say_makes_the_documents_unreadable(
    inside: dict[str, Any], beside: dict[str, Any]
) -> None:
    try:
        listing = parse(_encoded([case(stage(document(), **inside), **beside)]))
    except (Unavailable, NotFound):
        return  # what may be documents elsewhere is a reason of its own
    assert listing.case is not None
    assert all(each.name is None for each in listing.case.parties if each.is_sealed)


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode()
