"""The used fields of the portal's JSON. It has no public contract: any field may be missing or of another type.

Lists of documents are typed: a list that cannot be read must not look like an empty one. Single values are `Any`: one
odd value must not make a whole case unreadable. The functions below read them.
"""

from typing import Any

import msgspec

from service.portal.raw_json import read_json, stray_documents


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


class Answer(msgspec.Struct):
    """One object of an answer, and its documents in unknown members."""

    processo: Processo
    elsewhere: list[Tramitacao]  #: one per document, with the instance around it
    has_unread_list: bool  #: there is a list in an unknown member whose name starts with "documento"


def decode(answer: bytes, charset: str | None = None) -> list[Answer]:
    """Read a detail answer: a list, one object, or `{"content": [...]}`. `charset` is that of the header.

    Raises `ValueError` for any other shape (msgspec's errors are a subclass).
    """
    value = read_json(answer, charset)
    if isinstance(value, dict) and isinstance(value.get("content"), list):
        value = value["content"]
    objects = [value] if isinstance(value, dict) else value
    found = msgspec.convert(objects, list[Processo])
    return [_answer(processo, raw) for processo, raw in zip(found, objects, strict=True)]


def _answer(processo: Processo, raw: Any) -> Answer:
    strays, has_unread_list = stray_documents(raw)
    return Answer(processo, msgspec.convert(strays, list[Tramitacao]), has_unread_list)


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
    """Return the first `descricao` in a list that is not empty; "" if there is none."""
    found = (text(member(each, "descricao")) for each in (values if isinstance(values, list) else ()))
    return next(filter(None, found), "")
