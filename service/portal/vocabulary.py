"""The portal's JSON, as far as it is used. Nobody publishes a contract: every field may be missing or of another type.

What holds documents together has a type, because a list that cannot be read must not pass for an empty one. Single
facts have none: one odd value is no reason to refuse a whole case. The functions below read them.
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
    """One object of an answer, and what looks like documents at other places of it."""

    processo: Processo
    elsewhere: list[Tramitacao]  #: one for each document, with the instance around it
    has_unread_list: bool  #: some list is called documents and has none that can be read


def decode(answer: bytes, charset: str | None = None) -> list[Answer]:
    """Read a detail answer: a list, one object, or `{"content": [...]}`. `charset` is that of the header.

    Raises `ValueError` for what is none of them; msgspec's own errors are such.
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
    """A member of an object; None of anything else."""
    return value.get(name) if isinstance(value, dict) else None


def text(value: Any) -> str:
    """A string, or a whole number as one; anything else is empty."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value if isinstance(value, str) else ""


def integer(value: Any, *, below: int) -> int | None:
    """A whole number from 0 on, also one that is written as text or with decimals."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and value in range(below) else None


def description(values: Any) -> str:
    """The first `descricao` of a list that has one."""
    found = (text(member(each, "descricao")) for each in (values if isinstance(values, list) else ()))
    return next(filter(None, found), "")
