"""Turns the portal's answer into a listing that has every document once.

A document may be listed in `tramitacaoAtual` and again in `tramitacoes`, under another uuid. Each instance of a case
has its own documents; the listing has those of all instances. Some answers have documents in unknown members.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from service.domain.errors import ErrorCode
from service.domain.listings import Copy, ListedDocument, Listing
from service.domain.process_number import InvalidProcessNumber, ProcessNumber
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
    text,
)

BRASILIA = ZoneInfo("America/Sao_Paulo")  # the portal's times have no UTC offset
NAME_LENGTH = 1000  # characters; longer names are cut
HREF_LENGTH = 2000  # characters; addresses of the portal are much shorter
_UUID = re.compile(r"/documentos/([^/]+)/(?:binario|texto)")
_NUMBER = re.compile(r"(?:^|/)processos/([0-9.-]{20,25})/")
_INT4, _INT8 = 2**31, 2**63  # limits of the database columns (exclusive)
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_DAY = re.compile(
    r"(\d{2})[/.-](\d{2})[/.-](\d{4})(?:(?:T|,?\s+|\s+às\s+)(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?\Z", re.ASCII
)
_EPOCH = re.compile(r"\d{9,13}", re.ASCII)  # compact ISO 8601 has 8 digits, or 14
_MILLISECONDS = 12  # digits, from which on they are milliseconds: 1973 as milliseconds, 5138 as seconds
_YEARS = range(1900, 2101)  # of real filings; some systems write other years for "never"
_NEVER = frozenset({date(1900, 1, 1), date(1970, 1, 1)})  # the epochs of two kinds of systems, written for "never"
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
        found = decode(answer, number.digits, charset)
    except ValueError as error:
        raise _invalid("the listing cannot be read: it is not JSON of a known shape") from error
    if not found:
        raise NotFound(ErrorCode.PROCESS_NOT_FOUND, "the portal does not know the case")
    matching = [each for each in found if _is_about(each, number, alone=len(found) == 1)]
    if not matching:
        raise _invalid("the listing is about another case")
    return _listing(matching, number)


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
        court=_clean(case.sigla_tribunal) or None,
        court_class=_clean(description(first.classe)) or None,
        subject=_clean(description(first.assunto)) or None,
        filed_at=min(filter(None, (_time(stage.data_hora_ajuizamento) for stage in stages)), default=None),
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
        placed = stage if _clean(stage.instancia) else msgspec.structs.replace(first, documentos=stage.documentos)
        merger.add([each for each in _of_stage(placed, grades) if not merger.knows(each)])
    return tuple(sorted(merger.documents, key=lambda d: _order(d, grades[d.instance])))


def _order(document: ListedDocument, grade: int) -> tuple[int, str, bool, int, str]:
    sequence = document.sequence
    return grade, document.instance, sequence is None, sequence or 0, document.origin_id


def _of_stage(stage: Tramitacao, grades: dict[str, int]) -> list[ListedDocument]:
    instance = _clean(stage.instancia) or "DESCONHECIDA"
    grades.setdefault(instance, integer(member(stage.grau, "numero"), below=_INT8) or 0)
    return [_listed(document, instance) for document in stage.documentos or ()]


def _origin(document: Documento) -> str:
    """The id of a document within its instance: its own, else its uuid, else its sequence number."""
    named = _clean(document.id_origem) or _uuid(document)
    return named or f"sequencia-{_clean(document.sequencia)}"


def _listed(document: Documento, instance: str) -> ListedDocument:
    kind = _clean(member(document.tipo, "nome"))
    return ListedDocument(
        instance=instance,
        origin_id=_origin(document),
        sequence=integer(document.sequencia, below=_INT8),
        name=_clean(document.nome) or kind or "Documento",
        type=kind,
        secrecy=_clean(document.nivel_sigilo),
        filed_at=_time(document.data_hora_juntada),
        # The portal writes 0 bytes or 0 pages if it does not know the number.
        declared_size=integer(member(document.arquivo, "tamanho"), below=_INT8) or None,
        declared_mime_type=_clean(member(document.arquivo, "tipo")) or None,
        page_count=integer(member(document.arquivo, "quantidadePaginas"), below=_INT4) or None,
        copies=(Copy(_uuid(document), _href(document.href_binario), _href(document.href_texto)),),
    )


def _uuid(document: Documento) -> str:
    match = _UUID.search(_href(document.href_binario) or _href(document.href_texto) or "")
    return match[1] if match else _clean(document.id_origem)


def _href(value: Any) -> str | None:
    """Return an address that can be stored and requested; None for any other value."""
    href = value.strip() if isinstance(value, str) else ""
    return href if len(href) <= HREF_LENGTH and _PRINTABLE.fullmatch(href) else None


def _time(value: Any) -> datetime | None:
    try:
        moment = _written_time(text(value).strip())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=BRASILIA)
        moment.astimezone(UTC)  # years 1 and 9999, which some systems write for "never", may overflow in UTC
    except (ValueError, OverflowError, OSError):
        return None
    return None if moment.year not in _YEARS or moment.date() in _NEVER else moment


def _written_time(written: str) -> datetime:
    """Read ISO 8601, the Brazilian form of a date, or seconds or milliseconds since the epoch. Raises `ValueError`."""
    if _EPOCH.fullmatch(written):
        return datetime.fromtimestamp(int(written) / (1 if len(written) < _MILLISECONDS else 1000), UTC)
    if day := _DAY.match(written):
        written = f"{day[3]}-{day[2]}-{day[1]}T{day[4] or '00:00'}"
    return datetime.fromisoformat(written)


def _clean(value: Any) -> str:
    """Drop characters that PostgreSQL refuses (NUL) or that can disguise a name (controls, bidi marks)."""
    raw = text(value)
    if not raw.isprintable():
        kept = (" " if c in "\t\n\r" else c for c in raw)
        raw = "".join(c for c in kept if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    return unicodedata.normalize("NFC", raw).strip()[:NAME_LENGTH]
