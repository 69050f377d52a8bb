"""The used fields of the portal's JSON. It has no public contract: any field may be missing or of another type.

Lists of documents are typed: a list that cannot be read must not look like an empty one. Single values are `Any`: one
odd value must not make a whole case unreadable. The functions below read them.
"""

from typing import Any

import msgspec

from service.portal.missing_parts import why_page_is_incomplete
from service.portal.raw_json import folded, read_json
from service.portal.unknown_members import look_through


class Documento(msgspec.Struct, rename="camel"):
    sequencia: Any = None
    data_hora_juntada: Any = None
    id_origem: Any = None
    nome: Any = None
    nivel_sigilo: Any = None
    tipo: Any = None  # {nome}
    href_binario: Any = None
    href_texto: Any = None
    arquivo: Any = None  # {tipo, tamanho, quantidadePaginas}


class Tramitacao(msgspec.Struct, rename="camel"):
    instancia: Any = None
    grau: Any = None  # {numero}
    data_hora_ajuizamento: Any = None
    classe: Any = None  # [{descricao}]
    assunto: Any = None  # [{descricao}]
    documentos: list[Documento] | None = None


class DadosBasicos(msgspec.Struct, rename="camel"):
    documentos: list[Documento] | None = None


class Processo(msgspec.Struct, rename="camel"):
    numero_processo: Any = None
    sigla_tribunal: Any = None
    nivel_sigilo: Any = None
    tramitacao_atual: Tramitacao | None = None
    tramitacoes: list[Tramitacao] | None = None
    documentos: list[Documento] | None = None
    dados_basicos: DadosBasicos | None = None


#: The known names of members, by their folded form. Other spellings are read as these.
_NAMES = {
    folded(name): name
    for name in (
        *(field.encode_name for kind in (Documento, Tramitacao, Processo) for field in msgspec.structs.fields(kind)),
        *("content", "descricao", "movimentos", "numero", "quantidadePaginas", "tamanho"),
    )
}


class Answer(msgspec.Struct):
    """One object of an answer, and what its unknown members have."""

    processo: Processo
    raw: dict[str, Any]  #: all members, in the recorded shape
    elsewhere: list[Tramitacao]  #: documents at unknown places: one per document, with the instance around it
    unread: list[Tramitacao]  #: what may be documents, but has no address: the same
    why_incomplete: str  #: why these are not all documents; "" if nothing says so


def read_answer(answer: bytes, charset: str | None = None) -> Any:
    """Decode the JSON of an answer. `charset` is that of the header. Raises `ValueError`."""
    return read_json(answer, charset, _NAMES)


def decode(value: Any, digits: str) -> list[Answer]:
    """Read a decoded detail answer: a list, one object, or `{"content": [...]}`.

    `digits`: the number of the case. Raises `ValueError` for any other shape (msgspec's errors are a subclass).
    """
    if isinstance(value, dict) and isinstance(value.get("content"), list):
        if reason := why_page_is_incomplete(value, len(value["content"])):
            raise ValueError(f"the listing {reason}")
        value = value["content"]
    objects = msgspec.convert([value] if isinstance(value, dict) else value, list[dict[str, Any]])
    regular = [_regular(each) for each in objects]
    found = msgspec.convert(regular, list[Processo])
    return [_answer(processo, raw, digits) for processo, raw in zip(found, regular, strict=True)]


def _regular(case: dict[str, Any]) -> dict[str, Any]:
    """Give a case the recorded shape. Converters may write a list of one entry as the entry, or a list for one."""
    current, others = case.get("tramitacaoAtual"), case.get("tramitacoes")
    stages = [others] if isinstance(others, dict) else others
    if isinstance(current, list) and isinstance(stages, list | None):
        stages, current = [*current, *(stages or ())], None
    case = case | {"tramitacaoAtual": current, "tramitacoes": stages}
    for holder in (case, case.get("dadosBasicos"), current, *(stages if isinstance(stages, list) else ())):
        if isinstance(holder, dict) and isinstance(holder.get("documentos"), dict):
            holder["documentos"] = _entries(holder["documentos"])
    return case


def _entries(value: dict[str, Any]) -> Any:
    """The entries of a list of documents that came as a page, or as its only entry. Raises `ValueError`."""
    entries = value.get("content")
    if not isinstance(entries, list):
        return [value] if value.get("hrefBinario") or value.get("hrefTexto") else value
    if reason := why_page_is_incomplete(value, len(entries)):
        raise ValueError(f"the list of documents {reason}")
    return entries


def _answer(processo: Processo, raw: dict[str, Any], digits: str) -> Answer:
    findings = look_through(raw, digits)
    strays = msgspec.convert(findings.strays, list[Tramitacao])
    return Answer(processo, raw, strays, msgspec.convert(findings.unread, list[Tramitacao]), findings.why_incomplete)


def member(value: Any, name: str) -> Any:
    """Return a member of an object; None if `value` is no object."""
    return value.get(name) if isinstance(value, dict) else None


def text(value: Any) -> str:
    """Return a string, or an integer as a string; "" for any other value."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value if isinstance(value, str) else ""


def integer(value: Any, *, below: int) -> int | None:
    """Return an integer from 0 to below `below`, also if it is written as a string or as 1.0; else None."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and value in range(below) else None


def description(values: Any) -> str:
    """Return the first `descricao` that is not empty in a list, or of an object in its place; "" if there is none."""
    found = (text(member(each, "descricao")) for each in (values if isinstance(values, list) else [values]))
    return next(filter(None, found), "")
