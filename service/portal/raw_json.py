"""Reads the portal's JSON before it is typed: repairs its encoding, and finds documents in unknown members."""

import json
from typing import Any

import msgspec

_PLACES = frozenset(
    {
        ("tramitacaoAtual", "documentos"),
        ("tramitacoes", "documentos"),
        ("documentos",),
        ("dadosBasicos", "documentos"),
    }
)
_LEAVES = frozenset({"tipo", "arquivo", "grau", "tribunal"})  # members without documents inside
_Path = tuple[str, ...]  # names of the members from the top; lists add none


def read_json(answer: bytes, charset: str | None) -> Any:
    """Decode JSON. A broken character is replaced; the rest is still read. Raises `ValueError`."""
    try:
        return msgspec.json.decode(answer)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except ValueError:
        pass
    try:
        # The standard library accepts half a surrogate pair, and with `strict=False` raw control characters.
        return json.loads(_text(answer, charset), strict=False)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def stray_documents(answer: Any) -> tuple[list[dict[str, Any]], bool]:
    """Return objects with a document's address outside `_PLACES`, each in a `tramitacao` with the instance around it;
    and whether there is a list of objects outside `_PLACES` whose name starts with "documento".
    """
    strays: list[dict[str, Any]] = []
    has_unread_list = False
    pending: list[tuple[Any, _Path, dict[str, Any]]] = [(answer, (), {})]
    while pending:
        node, path, around = pending.pop()
        if isinstance(node, list):
            pending += [(each, path, around) for each in reversed(node) if isinstance(each, dict | list)]
            has_unread_list |= _is_called_documents(path) and any(isinstance(each, dict) for each in node)
            continue
        if path and "numeroProcesso" in node:
            continue  # a related case: its documents are not of this case
        if _has_address(node) and path not in _PLACES:
            strays.append({**around, "documentos": [node]})
        here = {name: node[name] for name in ("instancia", "grau") if name in node} or around
        inner = ((key, each) for key, each in node.items() if isinstance(each, dict | list) and key not in _LEAVES)
        pending += [(each, (*path, key), here) for key, each in inner]
    return strays, has_unread_list


def _is_called_documents(path: _Path) -> bool:
    """True for a list of documents outside `_PLACES`. The identity papers of parties are not documents of the case."""
    return path not in _PLACES and bool(path) and path[-1].lower().startswith("documento") and "partes" not in path


def _has_address(node: dict[str, Any]) -> bool:
    return any(isinstance(node.get(name), str) and node[name] for name in ("hrefBinario", "hrefTexto"))


def _text(answer: bytes, charset: str | None) -> str:
    if answer.startswith((b"\xff\xfe", b"\xfe\xff")):
        return answer.decode("utf-16", "replace")
    if b"\0" in answer[:4]:
        return answer.decode("utf-16-be" if answer.startswith(b"\0") else "utf-16-le", "replace")
    try:
        return answer.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _repaired(answer, charset)


def _repaired(answer: bytes, charset: str | None) -> str:
    """Decode with the header's charset if it is not UTF-8; else as UTF-8, or as cp1252 if no UTF-8 accent is found."""
    if charset and charset.lower().replace("_", "-") not in {"utf-8", "utf8"}:
        try:
            return answer.decode(charset, "replace")
        except LookupError:
            pass
    text = answer.decode("utf-8-sig", "replace")
    is_utf_8 = any(character > "\x7f" and character != "\ufffd" for character in text)
    return text if is_utf_8 else answer.decode("cp1252", "replace")
