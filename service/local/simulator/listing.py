"""The portal's answer about a case, as JSON."""

from collections.abc import Sequence
from typing import Any

import msgspec

from service.local.simulator.cases.cases import Case, CaseDocument, Instance, Proceeding
from service.local.simulator.cases.content import text_size

Json = dict[str, Any]

_SEGMENTS = {"4": "JUSTICA_FEDERAL", "5": "JUSTICA_TRABALHO", "8": "JUSTICA_ESTADUAL"}
_LEVELS = {Instance.FIRST: ("G1", "1º Grau", 1), Instance.SECOND: ("G2", "2º Grau", 2)}
_SUBJECT = {
    "codigo": 7779,
    "descricao": "Indenização (exemplo)",
    "hierarquia": "(7779) Indenização (exemplo) | (7768) Matéria (exemplo)",
}
_PARTIES = (
    {"polo": "ATIVO", "nome": "PARTE AUTORA DE EXEMPLO", "outrosNomes": [], "sigilosa": False},
    {
        "polo": "PASSIVO",
        "nome": "EMPRESA INVENTADA LTDA",
        "outrosNomes": [{"nome": "INVENTADA", "tipo": "OUTRO"}],
        "sigilosa": False,
    },
)


def case_object(case: Case) -> Json:
    """The object about a case; `tramitacoes` is absent, not empty, if there is only one list."""
    answer: Json = {
        "nivelSigilo": case.secrecy_level,
        "siglaTribunal": case.court,
        "numeroProcesso": case.number,
        "tramitacaoAtual": _current(case),
    }
    if case.others:
        answer["tramitacoes"] = [_other(case, part) for part in case.others]
    return answer


def listing_json(case: Case) -> bytes:
    """The answer of `GET /processos/{number}`: a list of one object, or the bare object."""
    answer = case_object(case)
    return msgspec.json.encode(answer if case.bare_object else [answer])


def search_json(cases: Sequence[Case]) -> bytes:
    """The answer of `GET /processos?numeroProcesso=`: no documents, at most 100 cases."""
    content = [_without_documents(case_object(case)) for case in cases[:100]]
    return msgspec.json.encode(
        {
            "total": len(cases),
            "numberOfElements": len(content),
            "maxElementsSize": 100,
            "searchAfter": [1_759_668_901_713, cases[-1].number] if cases else [],
            "content": content,
        }
    )


def _without_documents(answer: Json) -> Json:
    current = {key: value for key, value in answer["tramitacaoAtual"].items() if key != "documentos"}
    return {**answer, "tramitacaoAtual": current, "tramitacoes": []}


def _current(case: Case) -> Json:
    common = _proceeding(case, case.current)
    return {**common, "distribuicao": [_assignment(case)], "permitePeticionar": True, "processosRelacionados": []}


def _other(case: Case, part: Proceeding) -> Json:
    return {
        **_proceeding(case, part),
        "idCodex": 9_100_000_000 + part.source,
        "distribuicoes": [_assignment(case)],
        "liminar": False,
        "justicaGratuita": True,
        "nivelSigilo": case.secrecy_level,
    }


def _proceeding(case: Case, part: Proceeding) -> Json:
    sigla, name, number = _LEVELS[part.instance]
    ordered = reversed(part.documents) if case.newest_first else part.documents
    return {
        "idOrigem": f"{number}{case.number[:7]}",
        "dataHoraAjuizamento": _filed(case),
        "instancia": part.instance,
        "grau": {"sigla": sigla, "nome": name, "numero": number},
        "valorAcao": 48_500.75,
        "classe": [{"codigo": 7, "descricao": "Procedimento Comum (exemplo)"}],
        "movimentos": [{"dataHora": _filed(case), "descricao": "Distribuído por sorteio"}],
        "assunto": [_SUBJECT],
        "partes": _PARTIES,
        "tribunal": _court(case),
        "documentos": [_document(one, part.copy) for one in ordered],
        "idFonteDadosCodex": part.source,
        "ativo": True,
    }


def _filed(case: Case) -> str:
    return f"{case.number[11:15]}-01-30T13:10:52.6"


def _assignment(case: Case) -> Json:
    return {"dataHora": _filed(case), "orgaoJulgador": [{"id": -1, "nome": "3ª Vara (exemplo)"}]}


def _court(case: Case) -> Json:
    return {
        "sigla": case.court,
        "nome": f"{case.court} (exemplo)",
        "segmento": _SEGMENTS.get(case.number[16], "OUTRO"),
        "jtr": case.number[16] + case.number[18:20],
    }


def _document(document: CaseDocument, copy: int) -> Json:
    path = f"/processos/{document.case_number}/documentos/{document.uuid_of(copy)}"
    listed: Json = {
        "sequencia": document.sequence,
        "dataHoraJuntada": document.filed_at,
        "idCodex": 25_860_000_000 + copy * 1_000_000_000 + document.sequence * 9_137,
        "idOrigem": document.origin_id,
        "nome": document.name,
        "nivelSigilo": document.secrecy,
        "tipo": _type(document),
    }
    if document.has_binary_href:
        listed["hrefBinario"] = f"{path}/binario"
    if document.has_text_href:
        listed["hrefTexto"] = f"{path}/texto"
    if document.declared_size is not None and copy == 0:
        listed["arquivo"] = _file(document, document.declared_size)
    return listed


def _type(document: CaseDocument) -> Json:
    origin = {"nome": document.type_name, "idCodex": 120_000 + document.sequence, "idOrigem": "40"}
    return origin if document.type_code is None else {"codigo": document.type_code, **origin}


def _file(document: CaseDocument, declared_size: int) -> Json:
    return {
        "tipo": document.kind.media_type,
        "quantidadePaginas": 0,
        "quantidadeImagens": 0,
        "tamanho": declared_size,
        "tamanhoTexto": text_size(document),
    }
