"""The portal's JSON, as far as it is used. Nobody publishes a contract: every field may be missing."""

from typing import Any

import msgspec


class Tipo(msgspec.Struct):
    nome: str | None = None


class Arquivo(msgspec.Struct, rename="camel"):
    tipo: str | None = None
    tamanho: int | None = None
    quantidade_paginas: int | None = None


class Documento(msgspec.Struct, rename="camel"):
    sequencia: int | None = None
    data_hora_juntada: str | None = None
    id_origem: str | int | None = None
    nome: str | None = None
    nivel_sigilo: str | int | None = None
    tipo: Tipo | None = None
    href_binario: str | None = None
    href_texto: str | None = None
    arquivo: Arquivo | None = None


class Grau(msgspec.Struct):
    numero: int | None = None


class Descricao(msgspec.Struct):
    descricao: str | None = None


class Tramitacao(msgspec.Struct, rename="camel"):
    instancia: str | None = None
    grau: Grau | None = None
    data_hora_ajuizamento: str | None = None
    classe: list[Descricao] | None = None
    assunto: list[Descricao] | None = None
    documentos: list[Documento] | None = None


class Processo(msgspec.Struct, rename="camel"):
    numero_processo: str | None = None
    sigla_tribunal: str | None = None
    nivel_sigilo: int | str | None = None
    tramitacao_atual: Tramitacao | None = None
    tramitacoes: list[Tramitacao] | None = None


def decode(answer: bytes) -> list[Processo]:
    """Read a detail answer: a list, one object, or `{"content": [...]}`. Raises `msgspec.DecodeError`."""
    value: Any = msgspec.json.decode(answer)
    if isinstance(value, dict) and isinstance(value.get("content"), list):
        value = value["content"]
    if isinstance(value, dict):
        value = [value]
    return msgspec.convert(value, list[Processo])
