"""Turns the portal's answer into a listing that has every document once.

A document may be listed in `tramitacaoAtual` and again in `tramitacoes`, under another uuid. Each instance of a case
has its own documents; the listing has those of all instances. Some answers have documents in unknown members.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from service.domain.case_data import RawAnswer
from service.domain.errors import ErrorCode
from service.domain.listings import Copy, ListedDocument, Listing
from service.domain.process_number import InvalidProcessNumber, ProcessNumber
from service.portal.case.reading import read_case
from service.portal.case.sealing import seal
from service.portal.case.stages import UNKNOWN_INSTANCE
from service.portal.case.values import clean, moment
from service.portal.copies import Merger
from service.portal.errors import NotFound, Unavailable
from service.portal.vocabulary import (
    Answer,
    Documento,
    Processo,
    Tramitacao,
    decode,
    description,
    integer,
    member,
    read_answer,
    text,
)

HREF_LENGTH = 2000  # characters; addresses of the portal are much shorter
_UUID = re.compile(r"/documentos/([^/]+)/(?:binario|texto)")
_NUMBER = re.compile(r"(?:^|/)processos/([0-9.-]{20,25})/")
_INT4, _INT8 = 2**31, 2**63  # limits of the database columns (exclusive)
_CHARSET = re.compile(r"[a-z0-9_.:+-]{1,40}")  # it is repeated in a header
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_SECRECY_LEVELS: Mapping[str, int] = {
    "PUBLICO": 0,
    "SEGREDO_JUSTICA": 1,
    "SIGILO_MINIMO": 2,
    "SIGILO_MEDIO": 3,
    "SIGILO_INTENSO": 4,
    "SIGILO_ABSOLUTO": 5,
}


def parse_listing(answer: bytes, number: ProcessNumber, *, charset: str | None = None) -> Listing:
    """Parse the answer for one case. `charset` is that of its header.

    Raises `NotFound` for an empty list, and `Unavailable` for an invalid answer: the same call may succeed later.
    """
    try:
        value = read_answer(answer, charset)
        raw = _redacted(value) if seal(value) else RawAnswer(answer, _other_than_utf_8(charset))
        found = decode(value, number.digits)
    except ValueError as error:
        raise _invalid("the listing cannot be read: it is not JSON of a known shape") from error
    if not found:
        raise NotFound(ErrorCode.PROCESS_NOT_FOUND, "the portal does not know the case")
    matching = [each for each in found if _is_about(each, number, alone=len(found) == 1)]
    if not matching:
        raise _invalid("the listing is about another case")
    case = read_case([each.raw for each in matching], number)
    return msgspec.structs.replace(_listing(matching, number), case=case, raw=raw)


def _redacted(value: Any) -> RawAnswer:
    """Encode an answer anew whose sealed parties have no names any more."""
    try:
        body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return RawAnswer(body, is_redacted=True)


def _other_than_utf_8(charset: str | None) -> str | None:
    named = clean(charset).lower()
    return named if named not in {"utf-8", "utf8"} and _CHARSET.fullmatch(named) else None


def _invalid(sentence: str) -> Unavailable:
    return Unavailable(ErrorCode.PORTAL_ANSWER_INVALID, sentence)


def _is_about(answer: Answer, number: ProcessNumber, *, alone: bool) -> bool:
    """True if the object is about this case. One without a number is accepted if it is the only object."""
    found = answer.processo
    if found.tramitacao_atual is None and found.tramitacoes is None and not any(_elsewhere(answer)):
        return False
    if found.numero_processo is None:
        return alone
    try:
        return ProcessNumber.parse(text(found.numero_processo)) == number
    except InvalidProcessNumber:
        return False


def _listing(found: list[Answer], number: ProcessNumber) -> Listing:
    stages = [stage for each in found for stage in _stages(each.processo)]
    first, case = stages[0] if stages else Tramitacao(), found[0].processo
    reasons = [each.why_incomplete for each in found if each.why_incomplete]
    if reasons:
        raise _invalid(f"the listing {reasons[0]}")
    elsewhere = [document for each in found for document in _elsewhere(each) if _is_own(document, number)]
    unread = [document for each in found for document in each.unread]
    documents = _documents(stages, elsewhere, first)
    if not documents:
        _require_empty(found, stages, unread)
    elif unread:
        # Without an address each of them fails, so that the client learns of it.
        documents = _documents(stages, elsewhere + unread, first)
    return Listing(
        number=number,
        court=clean(case.sigla_tribunal) or None,
        court_class=clean(description(first.classe)) or None,
        subject=clean(description(first.assunto)) or None,
        filed_at=min(filter(None, (moment(stage.data_hora_ajuizamento) for stage in stages)), default=None),
        secrecy_level=_secrecy_level(case.nivel_sigilo),
        documents=documents,
    )


def _require_empty(found: list[Answer], stages: list[Tramitacao], unread: list[Tramitacao]) -> None:
    """Raise `Unavailable` unless the answer says that the case has no documents: a known list of them is empty."""
    if unread:
        raise _invalid("the listing has documents at a place that is not known")
    holders = [*stages, *(each.processo for each in found), *(each.processo.dados_basicos for each in found)]
    if all(holder is None or holder.documentos is None for holder in holders):
        raise _invalid("the listing has no list of documents")


def _secrecy_level(value: Any) -> int:
    return _SECRECY_LEVELS.get(text(value)) or integer(value, below=100) or 0


def _stages(found: Processo) -> list[Tramitacao]:
    current = [] if found.tramitacao_atual is None else [found.tramitacao_atual]
    return current + (found.tramitacoes or [])


def _elsewhere(answer: Answer) -> list[Tramitacao]:
    """Documents outside `tramitacaoAtual` and `tramitacoes`."""
    found = answer.processo
    basic = found.dados_basicos.documentos if found.dados_basicos else None
    lists = [Tramitacao(documentos=each) for each in (found.documentos, basic) if each]
    return lists + answer.elsewhere


def _is_own(found: Tramitacao, number: ProcessNumber) -> bool:
    """True unless an address of these documents names another case."""
    hrefs = (_href(each.href_binario) or _href(each.href_texto) or "" for each in found.documentos or ())
    named = (_NUMBER.search(href) for href in hrefs)
    return all(each is None or re.sub(r"\D", "", each[1]) == number.digits for each in named)


def _documents(
    stages: Iterable[Tramitacao], elsewhere: Iterable[Tramitacao], first: Tramitacao
) -> tuple[ListedDocument, ...]:
    """Documents of `elsewhere` without an instance get that of `first`."""
    merger, grades = Merger(), dict[str, int]()
    for stage in stages:
        merger.add(_of_stage(stage, grades))
    for stage in elsewhere:
        placed = stage if clean(stage.instancia) else msgspec.structs.replace(first, documentos=stage.documentos)
        merger.add([each for each in _of_stage(placed, grades) if not merger.knows(each)])
    return tuple(sorted(merger.documents, key=lambda d: _order(d, grades[d.instance])))


def _order(document: ListedDocument, grade: int) -> tuple[int, str, bool, int, str]:
    sequence = document.sequence
    return grade, document.instance, sequence is None, sequence or 0, document.origin_id


def _of_stage(stage: Tramitacao, grades: dict[str, int]) -> list[ListedDocument]:
    instance = clean(stage.instancia) or UNKNOWN_INSTANCE
    grades.setdefault(instance, integer(member(stage.grau, "numero"), below=_INT8) or 0)
    return [_listed(document, instance) for document in stage.documentos or ()]


def _origin(document: Documento) -> str:
    """The id of a document within its instance: its own, else its uuid, else its sequence number."""
    named = clean(document.id_origem) or _uuid(document)
    return named or f"sequencia-{clean(document.sequencia)}"


def _listed(document: Documento, instance: str) -> ListedDocument:
    kind = clean(member(document.tipo, "nome"))
    return ListedDocument(
        instance=instance,
        origin_id=_origin(document),
        sequence=integer(document.sequencia, below=_INT8),
        name=clean(document.nome) or kind or "Documento",
        type=kind,
        secrecy=clean(document.nivel_sigilo),
        filed_at=moment(document.data_hora_juntada),
        # The portal writes 0 bytes or 0 pages if it does not know the number.
        declared_size=integer(member(document.arquivo, "tamanho"), below=_INT8) or None,
        declared_mime_type=clean(member(document.arquivo, "tipo")) or None,
        page_count=integer(member(document.arquivo, "quantidadePaginas"), below=_INT4) or None,
        copies=(Copy(_uuid(document), _href(document.href_binario), _href(document.href_texto)),),
    )


def _uuid(document: Documento) -> str:
    match = _UUID.search(_href(document.href_binario) or _href(document.href_texto) or "")
    return match[1] if match else clean(document.id_origem)


def _href(value: Any) -> str | None:
    """Return an address that can be stored and requested; None for any other value."""
    href = value.strip() if isinstance(value, str) else ""
    return href if len(href) <= HREF_LENGTH and _PRINTABLE.fullmatch(href) else None
