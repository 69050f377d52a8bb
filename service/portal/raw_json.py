"""The portal's answer before it has a shape: its characters, and documents at places that are not known."""

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
_LEAVES = frozenset({"tipo", "arquivo", "grau", "tribunal"})  # members of every document or list, with no room for more
_Path = tuple[str, ...]  # names of members; lists have none


def read_json(answer: bytes, charset: str | None) -> Any:
    """Decode JSON. One broken character costs that character and not the case. Raises `ValueError`."""
    try:
        return msgspec.json.decode(answer)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except ValueError:
        pass
    try:
        # The standard library takes half a surrogate pair, and with `strict=False` a raw tab.
        return json.loads(_text(answer, charset), strict=False)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def stray_documents(answer: Any) -> tuple[list[dict[str, Any]], bool]:
    """Objects with an address of a document that stand at none of the places that are read, each in a `tramitacao`
    with the instance around it; and whether there is a list called documents at such a place.
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
            continue  # a related case, whose documents are its own
        if _has_address(node) and path not in _PLACES:
            strays.append({**around, "documentos": [node]})
        here = {name: node[name] for name in ("instancia", "grau") if name in node} or around
        inner = ((key, each) for key, each in node.items() if isinstance(each, dict | list) and key not in _LEAVES)
        pending += [(each, (*path, key), here) for key, each in inner]
    return strays, has_unread_list


def _is_called_documents(path: _Path) -> bool:
    """The papers of a party, its identity card among them, are no documents of the case."""
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
    """The encoding of the header, where it is another; else the one in which the fewest characters are broken."""
    if charset and charset.lower().replace("_", "-") not in {"utf-8", "utf8"}:
        try:
            return answer.decode(charset, "replace")
        except LookupError:
            pass
    text = answer.decode("utf-8-sig", "replace")
    is_utf_8 = any(character > "\x7f" and character != "\ufffd" for character in text)
    return text if is_utf_8 else answer.decode("cp1252", "replace")
