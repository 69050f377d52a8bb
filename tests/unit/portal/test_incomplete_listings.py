"""A listing that has documents in an unknown form, or only a part of them, is never taken for a smaller case."""

import json
from typing import Any

import pytest

from service.domain.errors import ErrorCode
from service.domain.process_number import ProcessNumber
from service.portal.errors import Unavailable
from service.portal.search import holds
from tests.support.database.listings import HREF, NUMBER, case, document, parse, stage, without

DOCUMENTS = [document(idOrigem="1", uuid="a"), document(idOrigem="2", uuid="b", sequencia=2)]
BARE = [without(each, "hrefBinario", "hrefTexto") for each in DOCUMENTS]
ADDRESS = f"{HREF}/a/binario"
OTHER_NUMBER = "7654321-71.2021.8.19.0001"


def current(**fields: Any) -> list[dict[str, Any]]:
    """The answer about a case with these members in `tramitacaoAtual`, none of them added."""
    return [case({"instancia": "PRIMEIRO_GRAU"} | fields)]


@pytest.mark.parametrize(
    "answer",
    [
        current(),
        current(documentos=None),
        current(pecas=BARE),
        current(listaDocumentos=BARE),
        current(documentos=[], arquivos=[{"id": 1, "descricao": "x"}]),
        current(documentos=[], anexos=[{"id": 1}]),
        current(documentos=[], pecas=["a", "b"]),
        current(documentos=[], itens=[{"id": "u", "nome": "x", "dataHoraJuntada": "2024-01-01T00:00:00"}]),
        current(documentos=[], movimentos=[{"descricao": "x", "documento": {"id": 7, "nome": "Sentença"}}]),
        current(documentos=[], conteudo=json.dumps(DOCUMENTS)),
        current(documentos=json.dumps(DOCUMENTS)),
        current(documentos={"1": DOCUMENTS[0]}),
        [case(None, tramitacoes=[])],
        [case(None, {"instancia": "PRIMEIRO_GRAU"})],
    ],
)
def test_a_case_is_empty_only_if_a_known_list_is(answer: Any) -> None:
    with pytest.raises(Unavailable) as error:
        parse(answer)

    assert error.value.code is ErrorCode.PORTAL_ANSWER_INVALID


@pytest.mark.parametrize(
    "answer",
    [
        {"content": [case(stage(*DOCUMENTS))], "totalElements": 2, "last": False, "numberOfElements": 1},
        {"content": [case(stage(*DOCUMENTS))], "total": 3},
        {"content": [], "total": 1},
        {"content": [], "last": False},
        {"content": [], "status": 500, "message": "Erro interno"},
        {"content": [], "mensagem": "Serviço indisponível"},
        {"content": [], "erro": {"codigo": 7}},
        current(documentos={"content": DOCUMENTS, "totalElements": 20, "last": False}),
        current(documentos={"content": DOCUMENTS, "hasNext": True}),
        current(documentos=DOCUMENTS, last=False),
        current(documentos=DOCUMENTS, totalElements=9),
        current(documentos=DOCUMENTS, totalPages="3"),
        current(documentos=DOCUMENTS, proximaPagina="/processos?pagina=2"),
        current(documentos=DOCUMENTS, paginacao={"total": 57}),
        current(documentos=DOCUMENTS, quantidadeDocumentos=5),
        current(documentos=DOCUMENTS, totalDeDocumentos="5"),
        current(documentos=[], qtd_documentos=3.0),
        [case(stage(*DOCUMENTS), totalDocumentos=3)],
        [case(stage(*DOCUMENTS), pageable={"pageNumber": 0}, last=False)],
        [case(stage(*DOCUMENTS), erro="Falha ao consultar o segundo grau")],
        [case(stage(*DOCUMENTS), errors=[{"code": 1}])],
        [case(stage(*DOCUMENTS), status=206)],
        [case(stage(), mensagem="Documentos indisponíveis")],
        current(documentos=[], mensagem="Documentos indisponíveis"),
    ],
)
def test_a_part_of_a_listing_is_not_taken_for_the_whole(answer: Any) -> None:
    with pytest.raises(Unavailable) as error:
        parse(answer)

    assert error.value.code is ErrorCode.PORTAL_ANSWER_INVALID


@pytest.mark.parametrize(
    "answer",
    [
        {"content": [case(stage(*DOCUMENTS))], "totalElements": 1, "last": True, "totalPages": 1, "searchAfter": [1]},
        current(documentos={"content": DOCUMENTS, "totalElements": 2, "last": True}),
        current(documentos=DOCUMENTS, quantidadeDocumentos=2, status="ATIVO", erro=None, next=None),
        current(documentos=DOCUMENTS, paginacao={"total": 2, "ultima": True}, mensagem="Consulta realizada"),
        current(documentos=DOCUMENTS, movimentos=[{"last": False, "totalElements": 90, "mensagem": "Juntada"}]),
        current(documentos=DOCUMENTS, pecas=[{"idOrigem": "1"}, {"idOrigem": 2}], anexos=[]),
        current(documentos=DOCUMENTS, movimentos=[{"documento": {"nome": DOCUMENTS[0]["nome"]}}]),
        current(documentos=[DOCUMENTS[0] | {"tipoDocumento": {"nome": "Petição"}}, DOCUMENTS[1]], tipoDocumento={}),
        [case([{"instancia": "PRIMEIRO_GRAU", "documentos": DOCUMENTS}])],
        [case(None, tramitacoes={"instancia": "PRIMEIRO_GRAU", "documentos": DOCUMENTS})],
        current(numeroProcesso=NUMBER, pecas=DOCUMENTS),
        current(pecas=[each | {"numeroProcesso": NUMBER} for each in DOCUMENTS]),
        [case({"instancia": "PRIMEIRO_GRAU"}, processo={"numeroProcesso": NUMBER, "documentos": DOCUMENTS})],
        {"dados": [case(stage(*DOCUMENTS))]},
        current(DOCUMENTOS=[{name.upper(): value for name, value in each.items()} for each in DOCUMENTS]),
        current(documentos=[{name[:4] + "_" + name[4:]: value for name, value in each.items()} for each in DOCUMENTS]),
    ],
)
def test_an_answer_of_another_form_that_has_everything_is_read(answer: Any) -> None:
    found = parse(answer).documents

    assert [(each.origin_id, each.copies[0].uuid, each.instance) for each in found] == [
        ("1", "a", "PRIMEIRO_GRAU"),
        ("2", "b", "PRIMEIRO_GRAU"),
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {"HREFBINARIO": ADDRESS},
        {"href_binario": ADDRESS},
        {"urlBinario": ADDRESS},
        {"hrefBinario": None, "link": f"https://portal.example/api/v2{ADDRESS}"},
        {"_links": {"binario": {"href": ADDRESS}}},
        {"links": [{"rel": "binario", "href": ADDRESS}]},
        {"arquivo": {"tipo": "application/pdf", "href": ADDRESS}},
    ],
)
@pytest.mark.parametrize("place", ["documentos", "pecas"])
def test_an_address_is_found_under_another_name(place: str, entry: dict[str, Any]) -> None:
    (found,) = parse(current(**{place: [BARE[0] | entry]})).documents

    assert found.origin_id == "1"
    assert (found.copies[0].binary_href or "").endswith(ADDRESS)


@pytest.mark.parametrize(
    "more",
    [
        {"documentosSigilosos": [{"id": 9, "nome": "x"}]},
        {"pecas": [{"idDocumento": 9, "descricao": "x"}, {"id": 1, "nome": "the first one again"}]},
        {"movimentos": [{"documentos": [{"id": 9, "nome": "x"}]}]},
        {"anexos": ["x"]},
    ],
)
def test_what_may_be_one_more_document_is_listed_without_an_address(more: dict[str, Any]) -> None:
    found = parse(current(documentos=DOCUMENTS, **more)).documents

    assert [(each.name, each.has_address) for each in found if each.name == "x"] == [("x", False)]
    assert len(found) == 3


@pytest.mark.parametrize(
    "written",
    [
        '"documentos":%(both)s,"documentos":[]',
        '"documentos":%(both)s,"documentos":null',
        '"documentos":null,"documentos":%(both)s',
        '"documentos":%(both)s,"documentos":%(both)s',
        '"documentos":[%(first)s],"documentos":[%(second)s]',
        '"documentos":[%(first)s],"Documentos":[%(second)s]',
    ],
)
def test_no_list_that_is_given_twice_is_lost(written: str) -> None:
    first, second = map(json.dumps, DOCUMENTS)
    stages = written % {"first": first, "second": second, "both": json.dumps(DOCUMENTS)}

    found = parse(b'[{"numeroProcesso":"%b","tramitacaoAtual":{%b}}]' % (NUMBER.encode(), stages.encode())).documents

    assert [each.origin_id for each in found] == ["1", "2"]


def test_two_objects_in_one_place_are_refused() -> None:
    stages = [json.dumps({"documentos": [each]}).encode() for each in DOCUMENTS]

    with pytest.raises(Unavailable):
        parse(b'{"tramitacaoAtual":%b,"tramitacaoAtual":%b}' % tuple(stages))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-le"])
def test_every_encoding_of_json_is_read(encoding: str) -> None:
    assert len(parse(json.dumps(current(documentos=DOCUMENTS)).encode(encoding)).documents) == 2


@pytest.mark.parametrize("end", [b" x", b"\n[]", b"\0", b"]", b"<html></html>"])
def test_an_answer_that_goes_on_after_its_end_is_refused(end: bytes) -> None:
    with pytest.raises(Unavailable):
        parse(json.dumps(current(documentos=DOCUMENTS)).encode() + end)


@pytest.mark.parametrize("more", [{"total": 2}, {"last": False}, {"message": "Erro"}, {"status": 503}, {"erro": True}])
def test_a_search_that_contradicts_itself_finds_nothing_out(more: dict[str, Any]) -> None:
    number = ProcessNumber.parse(NUMBER)

    assert holds(json.dumps({"content": [], "total": 0, "searchAfter": []}).encode(), number) is False
    assert holds(json.dumps({"content": []} | more).encode(), number) is None
