"""From the portal's answer to a listing in which every document stands once.

A document may be listed in `tramitacaoAtual` and again in `tramitacoes`, under another uuid: its name is its
instance and its `idOrigem`. Two instances of one case have documents of their own; the listing is their union.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from service.domain.errors import ErrorCode
from service.domain.listings import Copy, ListedDocument, Listing
from service.domain.process_number import InvalidProcessNumber, ProcessNumber
from service.portal.errors import NotFound, Unavailable
from service.portal.vocabulary import Arquivo, Documento, Processo, Tramitacao, decode

BRASILIA = ZoneInfo("America/Sao_Paulo")  # the portal's times carry no offset
NAME_LENGTH = 1000  # characters kept of a name
_UUID = re.compile(r"/documentos/([^/]+)/(?:binario|texto)")
_INT8 = range(2**63)


def parse_listing(answer: bytes, number: ProcessNumber) -> Listing:
    """Read the answer for one case.

    Raises `NotFound` for an empty list and `Unavailable` for what is not an answer: the same call may be
    answered well a moment later.
    """
    try:
        found = decode(answer)
    except msgspec.MsgspecError as error:
        raise _invalid("the listing cannot be read") from error
    if not found:
        raise NotFound(ErrorCode.PROCESS_NOT_FOUND, "the portal does not know the case")
    matching = [each for each in found if _is_about(each, number)]
    if not matching:
        raise _invalid("the listing is about another case")
    return _listing(matching, number)


def _invalid(sentence: str) -> Unavailable:
    return Unavailable(ErrorCode.PORTAL_ANSWER_INVALID, sentence)


def _is_about(found: Processo, number: ProcessNumber) -> bool:
    if found.tramitacao_atual is None and found.tramitacoes is None:
        return False
    try:
        return ProcessNumber.parse(found.numero_processo or number.digits) == number
    except InvalidProcessNumber:
        return False


def _listing(found: list[Processo], number: ProcessNumber) -> Listing:
    stages = [stage for each in found for stage in _stages(each)]
    first = stages[0] if stages else Tramitacao()
    level = found[0].nivel_sigilo
    return Listing(
        number=number,
        court=_clean(found[0].sigla_tribunal),
        court_class=_description(first.classe),
        subject=_description(first.assunto),
        filed_at=_time(min(filter(None, (s.data_hora_ajuizamento for s in stages)), default=None)),
        secrecy_level=level if isinstance(level, int) and level in range(100) else 0,
        documents=tuple(_documents(stages)),
    )


def _stages(found: Processo) -> list[Tramitacao]:
    current = [] if found.tramitacao_atual is None else [found.tramitacao_atual]
    return current + (found.tramitacoes or [])


def _description(values: Iterable[msgspec.Struct] | None) -> str | None:
    return next((_clean(getattr(value, "descricao", None)) for value in values or ()), None)


def _documents(stages: list[Tramitacao]) -> Iterator[ListedDocument]:
    merged: dict[tuple[str, str], ListedDocument] = {}
    grades: dict[str, int] = {}
    for stage in stages:
        instance = _clean(stage.instancia) or "DESCONHECIDA"
        grades.setdefault(instance, (stage.grau and stage.grau.numero) or 0)
        for document in _of_stage(stage, instance):
            key = (instance, document.origin_id)
            merged[key] = _merge(merged[key], document) if key in merged else document
    yield from sorted(merged.values(), key=lambda d: _order(d, grades[d.instance]))


def _order(document: ListedDocument, grade: int) -> tuple[int, str, bool, int, str]:
    sequence = document.sequence
    return grade, document.instance, sequence is None, sequence or 0, document.origin_id


def _of_stage(stage: Tramitacao, instance: str) -> Iterator[ListedDocument]:
    seen: Counter[str] = Counter()
    for document in stage.documentos or ():
        origin = _clean(str(document.id_origem or "")) or _uuid(document)
        seen[origin] += 1
        # The same id twice within one list would be two documents: neither may be lost.
        yield _listed(document, instance, origin if seen[origin] == 1 else f"{origin}#{seen[origin]}")


def _listed(document: Documento, instance: str, origin: str) -> ListedDocument:
    file = document.arquivo or Arquivo()
    kind = _clean(document.tipo.nome if document.tipo else None)
    return ListedDocument(
        instance=instance,
        origin_id=origin,
        sequence=_integer(document.sequencia),
        name=_clean(document.nome) or kind or "Documento",
        type=kind or "",
        secrecy=_clean(str(document.nivel_sigilo)) if document.nivel_sigilo is not None else "",
        filed_at=_time(document.data_hora_juntada),
        declared_size=_integer(file.tamanho),
        declared_mime_type=_clean(file.tipo),
        page_count=_integer(file.quantidade_paginas) or None,
        copies=(Copy(_uuid(document), document.href_binario or None, document.href_texto or None),),
    )


def _merge(first: ListedDocument, second: ListedDocument) -> ListedDocument:
    known = {copy.uuid for copy in first.copies}
    return msgspec.structs.replace(
        first,
        copies=first.copies + tuple(copy for copy in second.copies if copy.uuid not in known),
        declared_size=second.declared_size if first.declared_size is None else first.declared_size,
        declared_mime_type=first.declared_mime_type or second.declared_mime_type,
        page_count=first.page_count or second.page_count,
    )


def _uuid(document: Documento) -> str:
    match = _UUID.search(document.href_binario or document.href_texto or "")
    return _clean(match[1]) if match else _clean(str(document.id_origem or ""))


def _integer(value: int | None) -> int | None:
    return value if value is not None and value in _INT8 else None


def _time(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=BRASILIA)


def _clean(text: str | None) -> str:
    """Drop what PostgreSQL refuses (NUL) and what would let a name lie about itself (controls, bidi marks)."""
    kept = (c for c in text or "" if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    return unicodedata.normalize("NFC", "".join(kept)).strip()[:NAME_LENGTH]
