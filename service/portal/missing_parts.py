"""Finds signs that an object of the portal's JSON is not all there is: pages, counts, and errors beside the content."""

import re
from typing import Any

from service.portal.raw_json import folded

# All names are folded.
_COUNT = re.compile(
    r"(?:total|quantidade|qtde?|qde|numero|num|nro|count)(?:total)?(?:de|of)?(?:documentos?|docs|documents|pecas|anexos)"
    r"|(?:documentos|docs|documents|pecas)(?:total|count|quantidade)|total(?:elements|elementos|registros)"
)
_COUNT_OF_PAGE = re.compile(r"(?:total|quantidade)(?:de)?(?:elements|elementos|registros|itens|items|hits|count)?")
_PAGE_COUNT = frozenset({"totalpages", "totalpaginas", "totaldepaginas", "pagecount"})
_IS_LAST = frozenset({"last", "islast", "ultima", "ultimapagina", "isultima"})
_HAS_MORE = frozenset(
    {"hasnext", "hasmore", "temproxima", "temproximapagina", "temmais", "possuiproxima", "possuiproximapagina"}
    | {"possuimais", "next", "nextpage", "proxima", "proximapagina", "truncated", "truncado", "parcial", "incompleto"}
)
_PAGES = frozenset({"page", "pageable", "paging", "pagination", "pagina", "paginacao"})
_ERRORS = frozenset({"erro", "erros", "error", "errors", "exception", "falha", "falhas"})
_STATUS = frozenset({"status", "statuscode", "httpstatus"})
_MESSAGES = frozenset({"mensagem", "mensagens", "message", "messages"})
_LISTS = frozenset({"documentos", "content"})
_Object = dict[str, Any]


def why_incomplete(node: _Object) -> str:
    """Return why the documents in an object may not be all; "" if nothing says so."""
    reason = _error_in(node) or _page_of(node)
    pages = [value for name, value in node.items() if isinstance(value, dict) and folded(name) in _PAGES]
    counts = [*_counts(node, _COUNT), *(count for page in pages for count in _counts(page, _COUNT_OF_PAGE))]
    if any(counts) and max(counts) > _documents_in(node):
        return "counts more documents than it has"
    return reason


def why_page_is_incomplete(wrapper: _Object, entries: int) -> str:
    """Return why the list in a wrapper may not be all; "" if nothing says so. `entries`: how many it has."""
    has_message = not entries and any(value for name, value in wrapper.items() if folded(name) in _MESSAGES)
    if has_message or max(_counts(wrapper, _COUNT_OF_PAGE), default=0) > entries:
        return "has fewer entries than it says"
    return _error_in(wrapper) or _page_of(wrapper)


def _error_in(node: _Object) -> str:
    for name, value in node.items():
        plain = folded(name)
        if (plain in _ERRORS and value) or (plain in _STATUS and 202 <= _number(value) < 600):
            return "reports an error"
    has_message = any(value for name, value in node.items() if folded(name) in _MESSAGES)
    return "has a message and no documents" if has_message and not _documents_in(node) else ""


def _page_of(node: _Object) -> str:
    for name, value in node.items():
        plain = folded(name)
        has_pages = plain in _PAGE_COUNT and _number(value) > 1
        if (plain in _IS_LAST and value is False) or (plain in _HAS_MORE and value) or has_pages:
            return "is a part of a list"
    return ""


def _counts(node: _Object, names: "re.Pattern[str]") -> list[int]:
    return [_number(value) for name, value in node.items() if names.fullmatch(folded(name))]


def _number(value: Any) -> int:
    """Return a number, also if it is written as a string; 0 for any other value."""
    is_digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63
    return int(value) if is_digits or is_number else 0


def _documents_in(node: _Object) -> int:
    """Count the entries of all lists of documents in an object."""
    count, pending = 0, list(node.items())
    while pending:
        name, value = pending.pop()
        if isinstance(value, dict):
            pending += value.items()
        elif isinstance(value, list) and name in _LISTS:
            count += len(value)
        elif isinstance(value, list):
            pending += ((name, each) for each in value)
    return count
