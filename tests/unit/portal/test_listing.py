"""The portal's listings of a case, as the simulated portal writes them and as none should be."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given

from service.domain.errors import ErrorCode
from service.domain.listings import Copy, ListedDocument, Listing
from service.domain.process_number import ProcessNumber
from service.local.simulator import Case, CaseSpec, DocumentSpec, Instance, build_case, make_case, sample_cases
from service.local.simulator.cases.samples import FEDERAL, LABOUR, STATE
from service.local.simulator.listing import case_object, listing_json
from service.portal.errors import NotFound, Unavailable
from tests.support.database.listings import HREF, JSON, NUMBER, case, document, only, parse, stage, without

OTHER_NUMBER = "7654321-71.2021.8.19.0001"


def origins(documents: Sequence[ListedDocument]) -> list[str]:
    return [each.origin_id for each in documents]


@pytest.mark.parametrize(
    ("number", "count", "copies"),
    [(FEDERAL, 30, 1), (STATE, 173, 2), (LABOUR, 24, 1)],
)
def test_a_sample_case_has_each_of_its_documents_once(number: str, count: int, copies: int) -> None:
    [sample] = [each for each in sample_cases() if each.number == number]

    listing = parse(listing_json(sample), number)

    assert len(listing.documents) == count
    assert {f"{each.instance}/{each.origin_id}" for each in listing.documents} == identities_of(sample)
    assert [[copy.uuid for copy in each.copies] for each in sorted_by_origin(listing)] == uuids_of(sample)
    assert {len(each.copies) for each in listing.documents} == {copies}


def identities_of(sample: Case) -> set[str]:
    return {each.identity for each in sample.documents}


def sorted_by_origin(listing: Listing) -> list[ListedDocument]:
    return sorted(listing.documents, key=lambda each: (each.instance, each.origin_id))


def uuids_of(sample: Case) -> list[list[str]]:
    return [list(each.uuids) for each in sorted(sample.documents, key=lambda each: (each.instance, each.origin_id))]


def test_the_size_that_only_the_first_copy_tells_is_kept() -> None:
    [sample] = [each for each in sample_cases() if each.number == STATE]

    listing = parse(listing_json(sample), STATE)

    declared = {each.origin_id: each.declared_size for each in sample.documents}
    assert {each.origin_id: each.declared_size for each in listing.documents} == declared
    assert sum(size is not None for size in declared.values()) == 21


def test_the_size_that_only_the_second_copy_tells_is_kept() -> None:
    file = {"tipo": "application/pdf", "tamanho": 77, "quantidadePaginas": 3}
    second = document(uuid="second", arquivo=file)

    [found] = parse([case(stage(document(uuid="first")), stage(second))]).documents

    assert (found.declared_size, found.declared_mime_type, found.page_count) == (77, "application/pdf", 3)
    assert [copy.uuid for copy in found.copies] == ["first", "second"]


def test_the_documents_of_both_instances_are_listed_the_first_instance_first() -> None:
    specs = (
        DocumentSpec(count=15, instance=Instance.FIRST),
        DocumentSpec(count=9, instance=Instance.SECOND),
    )

    listing = parse(listing_json(build_case(NUMBER, CaseSpec(documents=specs))))

    assert [each.instance for each in listing.documents] == ["PRIMEIRO_GRAU"] * 15 + ["SEGUNDO_GRAU"] * 9


def test_the_same_id_in_two_instances_is_two_documents() -> None:
    second = stage(document(), instancia="SEGUNDO_GRAU")

    listing = parse([case(stage(document()), second)])

    assert len({each.id_in(listing.number) for each in listing.documents}) == 2


def test_the_order_is_that_of_the_file_whatever_the_order_of_the_answer() -> None:
    documents = [document(idOrigem=str(n), sequencia=n, uuid=str(n)) for n in (3, 1, 2)]

    assert origins(parse([case(stage(*documents, document(idOrigem="0", sequencia=None)))]).documents) == [
        *("1", "2", "3"),
        "0",
    ]


def without_raw(listing: Listing) -> Listing:
    return msgspec.structs.replace(listing, raw=None)


@pytest.mark.parametrize("shape", ["object", "list", "content", "content of one page"])
def test_every_shape_of_the_answer_gives_the_same_listing(shape: str) -> None:
    answer = case_object(make_case(NUMBER, 3))
    shapes = {
        "object": answer,
        "list": [answer],
        "content": {"content": [answer]},
        "content of one page": {"total": 1, "searchAfter": [1, "2"], "content": [answer]},
    }

    assert without_raw(parse(shapes[shape])) == without_raw(parse([answer]))
    assert len(parse(shapes[shape]).documents) == 3


@pytest.mark.parametrize("answer", [b"[]", b'{"content":[]}', b'{"total":0,"content":[]}'])
def test_an_empty_list_means_that_the_portal_does_not_know_the_case(answer: bytes) -> None:
    with pytest.raises(NotFound) as error:
        parse(answer)

    assert error.value.code is ErrorCode.PROCESS_NOT_FOUND


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b" ",
        b"null",
        b"42",
        b'"text"',
        b"{}",
        b"[{}]",
        b"[null]",
        b"[[]]",
        b"<!DOCTYPE html><html></html>",
        b'{"message":"Erro interno na API do Codex.","status":500}',
        b'[{"numeroProcesso":"0000001-39.2024.8.26.0100"}]',
        b'{"content":{}}',
        b'{"content":[null]}',
        b'[{"tramitacaoAtual":{"documentos":',
        b'{"tramitacaoAtual":"none"}',
        b'{"tramitacaoAtual":{"documentos":{}}}',
        b'{"tramitacaoAtual":{"documentos":["one"]}}',
        b'{"tramitacaoAtual":{"documentos":[null]}}',
        b'{"tramitacoes":{}}',
        b'{"nome":"\xff\xfe"}',
        b'{"nome":"\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"tramitacaoAtual":' * 1000 + b"{}" + b"}" * 1000,
        b'{"tramitacaoAtual":{"documentos":[{"sequencia":' + b"9" * 5000 + b"}]}}",
    ],
)
def test_what_cannot_be_read_may_be_better_next_time(answer: bytes) -> None:
    with pytest.raises(Unavailable) as error:
        parse(answer)

    assert error.value.code is ErrorCode.PORTAL_ANSWER_INVALID


@pytest.mark.parametrize("cut", range(0, 1000, 97))
def test_an_answer_cut_short_is_never_taken_for_a_shorter_case(cut: int) -> None:
    whole = listing_json(make_case(NUMBER, 3))

    with pytest.raises(Unavailable):
        parse(whole[: len(whole) - 1 - cut])


def test_a_case_without_documents_is_an_answer() -> None:
    assert parse([case(stage())]).documents == ()


def test_the_object_of_another_case_is_left_out() -> None:
    foreign = case_object(make_case(OTHER_NUMBER, 2))

    listing = parse([foreign, case_object(make_case(NUMBER, 3)), foreign])

    assert len(listing.documents) == 3
    assert all(NUMBER in (copy.binary_href or "") for each in listing.documents for copy in each.copies)


@pytest.mark.parametrize("named", [OTHER_NUMBER, "0000001-40.2024.8.26.0100", "", 12, ["x"]])
def test_an_answer_about_another_case_is_none(named: Any) -> None:
    with pytest.raises(Unavailable):
        parse([case(stage(document()), numeroProcesso=named)])


def test_an_object_that_names_no_case_counts_only_if_it_is_alone() -> None:
    nameless = without(case(stage(document(idOrigem="nameless"))), "numeroProcesso")
    named = case(stage(document(idOrigem="named")))

    assert origins(parse(nameless).documents) == ["nameless"]
    assert origins(parse([nameless, named]).documents) == ["named"]


def test_two_objects_about_the_case_are_read_together() -> None:
    answer = [case(stage(document(idOrigem="1"))), case(stage(document(idOrigem="2")), numeroProcesso=digits(NUMBER))]

    assert origins(parse(answer).documents) == ["1", "2"]


def digits(number: str) -> str:
    return ProcessNumber.parse(number).digits


def test_a_document_without_an_id_is_named_by_its_uuid() -> None:
    assert only(without(document(uuid="abc"), "idOrigem")).origin_id == "abc"


@pytest.mark.parametrize("id_origem", [374035672, "374035672"])
def test_an_id_may_be_a_number(id_origem: Any) -> None:
    assert only(document(idOrigem=id_origem)).origin_id == "374035672"


def test_documents_without_id_and_address_are_all_kept_and_keep_their_names() -> None:
    bare = [without(document(sequencia=n), "idOrigem", "hrefBinario", "hrefTexto") for n in (1, 2, None)]

    first = parse([case(stage(*bare, bare[-1]))]).documents
    again = parse([case(stage(*reversed(bare)), stage(*bare))]).documents

    assert origins(first) == ["sequencia-1", "sequencia-2", "sequencia-", "sequencia-#2"]
    assert origins(again) == origins(first)[:3]


def test_the_same_id_twice_in_one_list_is_two_documents() -> None:
    listed = [document(uuid="a"), document(uuid="b"), document(idOrigem="100#2", uuid="c"), document(uuid="d")]

    found = parse([case(stage(*listed))]).documents

    assert sorted(each.copies[0].uuid for each in found) == ["a", "b", "c", "d"]
    assert len(set(origins(found))) == 4


def test_two_documents_that_nothing_names_are_two_documents() -> None:
    found = parse([case(stage({"hrefBinario": None}, {"hrefBinario": "0"}))]).documents

    assert [each.copies[0].binary_href for each in found] == [None, "0"]


def test_the_same_entry_twice_in_one_list_is_one_document() -> None:
    found = only(document(uuid="a"), document(uuid="a"))

    assert found.copies == (Copy("a", f"{HREF}/a/binario", f"{HREF}/a/texto"),)


def test_the_addresses_of_one_uuid_are_put_together() -> None:
    text_only, binary_only = without(document(), "hrefBinario"), without(document(), "hrefTexto")

    [found] = parse([case(stage(text_only), stage(binary_only))]).documents

    assert found.copies == only(document()).copies


@pytest.mark.parametrize("odd", [12, "text", ["list"], {"an": "object"}, None])
@pytest.mark.parametrize("field", ["instancia", "grau", "dataHoraAjuizamento", "classe", "assunto"])
def test_one_odd_value_does_not_cost_the_case(field: str, odd: Any) -> None:
    assert len(parse([case(stage(document(), **{field: odd}))]).documents) == 1


def test_the_facts_of_the_case_are_read() -> None:
    first = stage(
        classe=[{}, {"codigo": 7, "descricao": "Procedimento Comum"}, {"descricao": "Outra"}],
        assunto={"descricao": "Indenização"},  # an object for a list
        dataHoraAjuizamento="2024-02-01T09:00:00",
        instancia="SEGUNDO_GRAU",
    )
    earlier = stage(dataHoraAjuizamento="2023-02-01T09:00:00")

    listing = parse([case(first, earlier, siglaTribunal="TJSP", nivelSigilo=1)])

    assert (listing.court, listing.court_class, listing.subject) == ("TJSP", "Procedimento Comum", "Indenização")
    assert listing.filed_at == datetime(2023, 2, 1, 12, tzinfo=UTC)
    assert listing.number.masked == NUMBER


def test_what_the_portal_does_not_say_of_the_case_stays_unknown() -> None:
    listing = parse([case(stage())])

    assert (listing.court, listing.court_class, listing.subject, listing.filed_at) == (None, None, None, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (5, 5), ("3", 3), ("PUBLICO", 0), ("SEGREDO_JUSTICA", 1), ("SIGILO_ABSOLUTO", 5), (None, 0), (-1, 0)],
)
def test_the_secrecy_of_a_case_may_be_a_number_or_a_word(value: Any, expected: int) -> None:
    assert parse([case(stage(), nivelSigilo=value)]).secrecy_level == expected


@given(JSON)
def test_any_json_is_a_listing_or_refused(answer: Any) -> None:
    with pytest.raises((NotFound, Unavailable)):
        parse(answer)
