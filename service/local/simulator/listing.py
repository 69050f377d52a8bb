"""The portal's answer about a case, as JSON."""

from collections.abc import Sequence

import msgspec

from service.local.simulator.cases.cases import Case, CaseDocument, Proceeding
from service.local.simulator.cases.content import text_size
from service.local.simulator.cases.facts import Instance
from service.local.simulator.listing_facts import (
    Json,
    distributions,
    filed,
    judging_body,
    last_movement,
    movements,
    party,
    related,
)

_SEGMENTS = {"4": "JUSTICA_FEDERAL", "5": "JUSTICA_TRABALHO", "8": "JUSTICA_ESTADUAL"}
_LEVELS = {Instance.FIRST: ("G1", "1º Grau", 1), Instance.SECOND: ("G2", "2º Grau", 2)}
_SUBJECT = {
    "codigo": 7779,
    "descricao": "Indenização (exemplo)",
    "hierarquia": "(7779) Indenização (exemplo) | (7768) Matéria (exemplo)",
}


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
    """The answer of `GET /processos?numeroProcesso=`: the last movement, no documents, at most 100 cases."""
    content = [_found(case) for case in cases[:100]]
    return msgspec.json.encode(
        {
            "total": len(cases),
            "numberOfElements": len(content),
            "maxElementsSize": 100,
            "searchAfter": [1_759_668_901_713, cases[-1].number] if cases else [],
            "content": content,
        }
    )


def _found(case: Case) -> Json:
    """A case in the answer of a search."""
    current = {key: value for key, value in _frame(case, case.current).items() if key != "movimentos"}
    return {
        "nivelSigilo": case.secrecy_level,
        "siglaTribunal": case.court,
        "numeroProcesso": case.number,
        "tramitacaoAtual": current,
        "tramitacoes": [_found_list(case, part) for part in case.proceedings],
    }


def _found_list(case: Case, part: Proceeding) -> Json:
    return {
        "instancia": part.instance,
        "orgaoJulgador": {"id": -1, "nome": judging_body(case, part)},
        "dataHoraUltimaDistribuicao": max((one["dataHora"] for one in distributions(case, part)), default=None),
        "ultimoMovimento": last_movement(case, part),
    }


def _current(case: Case) -> Json:
    own = {"distribuicao": distributions(case, case.current), "permitePeticionar": True}
    return _changed(
        case, {**_proceeding(case, case.current), **own, "processosRelacionados": related(case.facts.related)}
    )


def _other(case: Case, part: Proceeding) -> Json:
    listed = {
        **_proceeding(case, part),
        "idCodex": 9_100_000_000 + part.source,
        "distribuicoes": distributions(case, part),
        "liminar": False,
        "justicaGratuita": True,
        "nivelSigilo": case.secrecy_level,
    }
    return _changed(case, listed)


def _changed(case: Case, listed: Json) -> Json:
    """With the members that the case replaces, and without those that it leaves out."""
    merged = {**listed, **case.facts.members}
    return {name: value for name, value in merged.items() if name not in case.facts.absent}


def _proceeding(case: Case, part: Proceeding) -> Json:
    ordered = reversed(part.documents) if case.newest_first else part.documents
    return {**_frame(case, part), "documentos": [_document(one, part.copy) for one in ordered]}


def _frame(case: Case, part: Proceeding) -> Json:
    """A list without its documents."""
    sigla, name, number = _LEVELS[part.instance]
    return {
        "idOrigem": f"{number}{case.number[:7]}",
        "dataHoraAjuizamento": filed(case),
        "instancia": part.instance,
        "grau": {"sigla": sigla, "nome": name, "numero": number},
        "valorAcao": case.facts.value,
        "classe": [{"codigo": 7, "descricao": "Procedimento Comum (exemplo)"}],
        "movimentos": movements(case, part),
        "assunto": [_SUBJECT],
        "partes": [party(one) for one in case.facts.parties],
        "tribunal": _court(case),
        "idFonteDadosCodex": part.source,
        "ativo": True,
    }


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
