"""Which entries of a listing are one document, and where listings have documents."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.listings import ListedDocument
from service.domain.process_number import ProcessNumber
from service.portal.errors import Unavailable
from tests.support.database.listings import HREF, NUMBER, case, document, only, parse, stage, without

PETITION = {"nome": "Petição.pdf", "sequencia": 1, "dataHoraJuntada": "2024-02-01T09:10:11"}
SENTENCE = {"nome": "Sentença.pdf", "sequencia": 9, "dataHoraJuntada": "2024-05-01T09:10:11"}


def seen(found: tuple[ListedDocument, ...]) -> dict[str, list[str]]:
    """The uuids of each document, by name."""
    return {each.name: [copy.uuid for copy in each.copies] for each in found}


def test_the_same_id_in_two_systems_of_an_instance_is_two_documents() -> None:
    listing = parse([case(stage(document(uuid="a", **PETITION)), stage(document(uuid="b", **SENTENCE)))])

    assert seen(listing.documents) == {"Petição.pdf": ["a"], "Sentença.pdf": ["b"]}
    assert len({each.id_in(listing.number) for each in listing.documents}) == 2


def test_the_first_one_keeps_the_id_that_it_always_had() -> None:
    alone = only(document(uuid="a", **PETITION))
    both = parse([case(stage(document(uuid="a", **PETITION)), stage(document(uuid="b", **SENTENCE)))]).documents

    number = ProcessNumber.parse(NUMBER)
    assert both[0].id_in(number) == alone.id_in(number)
    assert [each.origin_id for each in both] == ["100", "100#2"]


@pytest.mark.parametrize(
    "other",
    [
        {"nome": "Sentença.pdf"},
        {"dataHoraJuntada": "2024-02-02T09:10:11"},
        {"dataHoraJuntada": "2024-02-01T09:10:13"},
        {"arquivo": {"tamanho": 8}},
    ],
)
def test_another_name_date_or_size_is_another_document(other: dict[str, Any]) -> None:
    first = document(uuid="a", arquivo={"tamanho": 7}, **PETITION)

    found = parse([case(stage(first), stage(first | document(uuid="b", **PETITION) | other))]).documents

    assert [[copy.uuid for copy in each.copies] for each in found] == [["a"], ["b"]]


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"sequencia": 5},
        {"nome": "PETIÇÃO"},
        {"dataHoraJuntada": "2024-02-01T09:10:11.072"},
        {"dataHoraJuntada": "2024-02-01"},
        {"dataHoraJuntada": None},
        {"arquivo": {"tamanho": 7}},
    ],
)
def test_what_a_system_leaves_out_makes_no_other_document(other: dict[str, Any]) -> None:
    first = document(uuid="a", arquivo={"tamanho": 7}, **PETITION)
    second = document(uuid="b", **PETITION) | other

    (found,) = parse([case(stage(first), stage(second))]).documents

    assert [copy.uuid for copy in found.copies] == ["a", "b"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_no_document_gets_the_address_of_another_whatever_the_order(order: tuple[int, ...]) -> None:
    facts = [PETITION, SENTENCE, {**PETITION, "sequencia": 2}]
    first = [document(uuid=f"a{n}", **facts[n]) for n in range(3)]
    second = [document(uuid=f"b{n}", **facts[n]) for n in order]

    found = parse([case(stage(*first), stage(*second))]).documents

    assert sorted([copy.uuid for copy in each.copies] for each in found) == [[f"a{n}", f"b{n}"] for n in range(3)]


ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "idOrigem": st.sampled_from(["1", "1#2", "2", None]),
            "nome": st.sampled_from(["a.pdf", "b", None]),
            "sequencia": st.sampled_from([1, 2, None]),
        }
    ),
    max_size=5,
)


@given(st.lists(ENTRIES, max_size=4))
def test_no_address_is_lost_or_given_twice(lists: list[list[dict[str, Any]]]) -> None:
    places = iter(range(100))
    stages = [stage(*(document(uuid=str(next(places)), **entry) for entry in entries)) for entries in lists]

    found = parse([case(stage(), *stages)]).documents

    assert sorted(int(copy.uuid) for each in found for copy in each.copies) == list(range(sum(map(len, lists))))
    assert len({each.origin_id for each in found}) == len(found)
    assert all(len(each.copies) <= len(lists) for each in found)


def test_many_documents_of_one_id_are_read_in_the_time_of_a_test() -> None:
    alike = [document(idOrigem="0", uuid=str(n), sequencia=n, nome=f"Documento {n % 7}") for n in range(6000)]
    again = [document(idOrigem="0", uuid=f"b{n}", sequencia=n, nome=f"Documento {n % 7}") for n in range(6000)]
    again = again[3000:] + again[:3000]

    found = parse([case(stage(*alike), stage(*again))]).documents

    assert len({each.origin_id for each in found}) == len(found) >= 6000
    assert sum(len(each.copies) for each in found) == 12000


def test_an_entry_without_address_says_nothing_of_a_document_that_has_one() -> None:
    bare = without(document(**PETITION), "hrefBinario", "hrefTexto")

    (found,) = parse([case(stage(bare), stage(document(uuid="b", **PETITION)))]).documents

    assert (found.origin_id, [copy.uuid for copy in found.copies], found.has_address) == ("100", ["b"], True)


def test_a_document_that_is_listed_without_an_address_keeps_its_id() -> None:
    bare = only(without(document(**PETITION), "hrefBinario", "hrefTexto"))

    number = ProcessNumber.parse(NUMBER)
    assert bare.id_in(number) == only(document(**PETITION)).id_in(number)
    assert not bare.has_address


DOCUMENTS = [document(idOrigem="1", uuid="a"), document(idOrigem="2", uuid="b", sequencia=2)]
OTHER, OTHER_DIGITS = "7654321-71.2021.8.19.0001", "76543217120218190001"
CURRENT = {"instancia": "SEGUNDO_GRAU", "grau": {"numero": 2}}


@pytest.mark.parametrize(
    "answer",
    [
        {"tramitacaoAtual": CURRENT, "documentos": DOCUMENTS},
        {"tramitacaoAtual": CURRENT, "dadosBasicos": {"documentos": DOCUMENTS}},
        {"tramitacaoAtual": CURRENT | {"documentosJuntados": DOCUMENTS}},
        {"tramitacaoAtual": CURRENT | {"pecas": {"lista": DOCUMENTS}}},
        {"tramitacaoAtual": CURRENT | {"documentos": DOCUMENTS[:1]}, "documentos": DOCUMENTS},
        {"tramitacaoAtual": CURRENT | {"documentos": DOCUMENTS[:1]}, "outros": [[DOCUMENTS[1]]]},
        {"tramitacaoAtual": CURRENT | {"documentos": [DOCUMENTS[0] | {"anexos": [DOCUMENTS[1]]}]}},
        {"tramitacaoAtual": None, "tramitacoes": [CURRENT | {"x": DOCUMENTS}]},
    ],
)
def test_documents_are_found_wherever_the_answer_has_them(answer: dict[str, Any]) -> None:
    expected = parse([{"numeroProcesso": NUMBER, "tramitacaoAtual": CURRENT | {"documentos": DOCUMENTS}}])

    found = parse([{"numeroProcesso": NUMBER} | answer])

    assert [each.id_in(found.number) for each in found.documents] == [
        each.id_in(found.number) for each in expected.documents
    ]


def test_documents_without_any_stage_are_listed() -> None:
    assert len(parse([{"numeroProcesso": NUMBER, "documentos": DOCUMENTS}]).documents) == 2


def test_the_documents_of_two_instances_in_one_more_list_are_not_listed_twice() -> None:
    answer = case(stage(DOCUMENTS[0]), stage(DOCUMENTS[1], instancia="SEGUNDO_GRAU"), documentos=DOCUMENTS)

    assert [each.instance for each in parse([answer]).documents] == ["PRIMEIRO_GRAU", "SEGUNDO_GRAU"]


@pytest.mark.parametrize(
    "answer",
    [
        {"tramitacaoAtual": CURRENT, "documentos": {"total": 2}},
        {"tramitacaoAtual": CURRENT, "documentos": ["one"]},
        {"tramitacaoAtual": CURRENT, "dadosBasicos": {"documentos": "two"}},
        {"tramitacaoAtual": CURRENT | {"documentosJuntados": [{"id": 1, "nome": "x"}]}},
        {"tramitacaoAtual": CURRENT | {"documentos": [], "documentosSigilosos": [{"id": 1}]}},
    ],
)
def test_a_list_that_is_not_known_never_passes_for_none(answer: dict[str, Any]) -> None:
    with pytest.raises(Unavailable):
        parse([{"numeroProcesso": NUMBER} | answer])


def test_the_papers_of_a_party_are_no_documents_of_the_case() -> None:
    party = {"nome": "FULANA", "documentosPrincipais": [{"numero": "1", "tipo": "CPF"}]}

    assert parse([case(stage(partes=[party]))]).documents == ()


@pytest.mark.parametrize(
    "answer",
    [
        case(stage(), processosRelacionados=[{"numeroProcesso": OTHER, "documentos": DOCUMENTS}]),
        case(stage(), pecas=[document(hrefBinario=f"/processos/{OTHER}/documentos/a/binario")]),
        case(stage(), pecas=[document(hrefBinario=f"/processos/{OTHER_DIGITS}/documentos/a/binario")]),
    ],
)
def test_the_documents_of_another_case_are_none_of_this_one(answer: dict[str, Any]) -> None:
    assert parse([answer]).documents == ()


def test_another_case_in_an_unknown_wrapper_is_no_answer() -> None:
    with pytest.raises(Unavailable):
        parse({"dados": [case(stage(*DOCUMENTS), numeroProcesso=OTHER)]})


def test_the_address_of_a_stray_document_is_kept() -> None:
    (found,) = parse([{"tramitacaoAtual": CURRENT | {"pecas": [document(uuid="z")]}}]).documents

    assert found.copies[0].binary_href == f"{HREF}/z/binario"
