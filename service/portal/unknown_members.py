"""Looks through the members of an answer that are not typed, for documents and for signs that documents are missing.

The portal has no public contract. A case must never look as if it had fewer documents than it has.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from service.portal.missing_parts import why_incomplete
from service.portal.raw_json import folded

_PLACES = frozenset(
    {
        ("tramitacaoAtual", "documentos"),
        ("tramitacoes", "documentos"),
        ("documentos",),
        ("dadosBasicos", "documentos"),
    }
)
_STAGES = frozenset({(), ("tramitacaoAtual",), ("tramitacoes",), ("dadosBasicos",)})
# Folded names.
_LEAVES = frozenset({"tipo", "grau", "tribunal"})  # members without documents inside
_PERSONS = frozenset({"partes", "representantes", "advogados", "polos"})  # their papers are not documents of the case
_DOCUMENTS = re.compile(
    r"(?:listade|lista)?(?:documento|peca|anexo|arquivo|juntada|peticoes|(?:autos|docs?|files?|pdfs?)$)"
)
_OF_DOCUMENTS = frozenset({"datahorajuntada", "datajuntada", "hrefbinario", "hreftexto", "mimetype", "nomearquivo"})
_NOT_COUNTED = frozenset({"movimentos", "documentos", ""})  # within these, pages and counts are about something else
# Members that identify or name a document, in the order of preference.
_IDS = ("idOrigem", "idDocumento", "id", "uuid", "idCodex", "codigo", "numero")
_TITLES = ("nome", "descricao", "titulo", "nomeArquivo")
_Path = tuple[str, ...]  # names of the members from the top; lists add none
_Object = dict[str, Any]


class Findings(msgspec.Struct):
    """What the members of one object have. Each document is in a `tramitacao` with the instance around it."""

    strays: list[_Object] = msgspec.field(default_factory=list)  #: documents with an address at an unknown place
    unread: list[_Object] = msgspec.field(default_factory=list)  #: what may be a document, but has no address
    why_incomplete: str = ""  #: why the answer is not all there is; "" if nothing says so
    _known: set[str] = msgspec.field(default_factory=set)  # ids and titles of the documents that were found

    def note_known(self, node: _Object) -> None:
        """Note the ids and titles of a document that is read."""
        self._known.update(_texts(node, _IDS + _TITLES))

    def forget_known(self) -> None:
        """Drop from `unread` the mentions of documents that are read."""
        self.unread = [each for each in self.unread if not self._is_known(each["documentos"][0])]

    def _is_known(self, node: _Object) -> bool:
        named = _texts(node, _IDS) or _texts(node, _TITLES)
        return not self._known.isdisjoint(named)


def look_through(answer: _Object, digits: str) -> Findings:
    """`digits`: the number of the case. The parts about another case are skipped."""
    findings = Findings()
    pending: list[tuple[Any, _Path, _Object]] = [(answer, (), {})]
    while pending:
        node, path, around = pending.pop()
        if isinstance(node, list):
            pending += [(each, path, around) for each in reversed(node)]
        elif not isinstance(node, dict):
            _note_value(findings, node, path, around)
        elif not (path and _is_of_other_case(node, digits)):
            around = {name: node[name] for name in ("instancia", "grau") if name in node} or around
            is_document = _note_document(findings, node, path, around)
            if not is_document and _NOT_COUNTED.isdisjoint(path):
                findings.why_incomplete = findings.why_incomplete or why_incomplete(node)
            inner = _inner(node, is_document)
            pending += [(each, _below(path, name, each, is_document), around) for name, each in inner]
    findings.forget_known()
    return findings


def _inner(node: _Object, is_document: bool) -> Iterable[tuple[str, Any]]:
    """The members that may have documents inside."""
    for name, value in node.items():
        is_leaf = folded(name) in _LEAVES or (is_document and name == "arquivo")
        if not is_leaf and (isinstance(value, dict | list) or _is_nested_json(value)):
            yield name, value


def _is_nested_json(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip()[:1] in {"[", "{"} and "/documentos/" in value


def _below(path: _Path, name: str, value: Any, is_document: bool) -> _Path:
    """An object within a document describes it; a list within a document may have further documents."""
    return (*path, name, "") if is_document and isinstance(value, dict) else (*path, name)


def _note_document(findings: Findings, node: _Object, path: _Path, around: _Object) -> bool:
    """Return True if the object is a document."""
    has_address = any(isinstance(node.get(name), str) and node[name] for name in ("hrefBinario", "hrefTexto"))
    if path in _PLACES or has_address:
        findings.note_known(node)
        if path not in _PLACES:
            findings.strays.append({**around, "documentos": [node]})
        return True
    is_named = bool(_texts(node, _IDS + _TITLES))
    is_list = not is_named and any(isinstance(value, dict | list) for value in node.values())
    if (_may_be_documents(path) and not is_list) or _has_members_of_documents(node, path):
        ids, titles = _texts(node, _IDS), _texts(node, _TITLES)
        named = node | {"idOrigem": next(iter(ids), None), "nome": next(iter(titles), None)}
        findings.unread.append({**around, "documentos": [named]})
        return True
    return False


def _has_members_of_documents(node: _Object, path: _Path) -> bool:
    is_elsewhere = path not in _STAGES and path[-1] != ""
    return is_elsewhere and any(folded(name) in _OF_DOCUMENTS for name in node)


def _note_value(findings: Findings, value: Any, path: _Path, around: _Object) -> None:
    """Note what stands where documents may be, but is no object: an id, or JSON in a string."""
    if _is_nested_json(value):
        findings.why_incomplete = "has documents in a string"
    elif value and _may_be_documents(path):
        findings.unread.append({**around, "documentos": [{"idOrigem": str(value), "nome": str(value)}]})


def _may_be_documents(path: _Path) -> bool:
    is_called_so = bool(path) and path not in _PLACES and _DOCUMENTS.match(folded(path[-1])) is not None
    return is_called_so and _PERSONS.isdisjoint(map(folded, path))


def _texts(node: _Object, names: Iterable[str]) -> list[str]:
    values = (node.get(name) for name in names)
    return [str(value) for value in values if isinstance(value, str | int) and value]


def _is_of_other_case(node: _Object, digits: str) -> bool:
    number = node.get("numeroProcesso")
    return isinstance(number, str | int) and bool(number) and re.sub(r"\D", "", str(number)).zfill(20) != digits
