"""Tells HTML, XML, JSON and plain text apart, and finds XML and JSON that is an error in place of a document."""

import re
from typing import Any, Literal

import msgspec

from worker.downloads.inspection.kinds import HTML, JSON, SVG, TEXT, XML

Likeness = Literal["none", "some", "sure"]  #: how much a JSON value looks like an error

_PROLOGUE = re.compile(
    rb"(?>(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\])?[^>]*>|\s+)*)", re.DOTALL | re.IGNORECASE
)
_ROOT = re.compile(rb"<([A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_HTML_DOCTYPE = re.compile(rb"(?>(?:<\?.*?\?>|<!--.*?-->|\s+)*)<!DOCTYPE\s+html", re.DOTALL | re.IGNORECASE)
#: Elements that HTML has or had, and the prefixes of elements that Word writes.
_HTML_ELEMENTS = frozenset(
    b"""a abbr acronym address applet area article aside audio b base basefont bdo big blink blockquote body br button
    canvas caption center cite code col colgroup dd del dfn dir div dl dt em embed fieldset figcaption figure font
    footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label legend li link
    main map mark marquee menu meta nav nobr noscript object ol optgroup option p param pre q s samp script section
    select small span strike strong style sub sup table tbody td template textarea tfoot th thead time title tr tt u
    ul var video wbr""".split()
)
_WORD_PREFIXES = frozenset({b"o:", b"v:", b"w:", b"st1:", b"st2:"})
_XML_ERRORS = frozenset(
    {b"error", b"errors", b"erro", b"erros", b"fault", b"exception", b"problem", b"errorresponse", b"errorresult"}
    | {b"serviceexception", b"serviceexceptionreport", b"exceptionreport"}
)
_XML_STATUS = re.compile(
    rb"<(?:\w+:)?(?:status|statuscode|code|codigo)>\s*[45]\d\d\s*<|<(?:\w+:)?fault\b", re.IGNORECASE
)
_ENVELOPES = frozenset({b"envelope", b"map", b"response", b"result", b"retorno", b"hashmap", b"linkedhashmap"})

_JSON_START = re.compile(rb'\{\s*["}]|\[\s*[\[{"\]]|"')
_LONG_START = re.compile(rb'(?:\[\s*)?\{\s*"[^"]{0,200}"\s*:')
_STATUS_KEYS = frozenset({"status", "statuscode", "httpstatus", "codigo", "code", "cod", "errorcode", "codigoerro"})
_ERROR_KEYS = frozenset(
    {"error", "errors", "erro", "erros", "exception", "exceptions", "trace", "stacktrace", "fault", "error_description"}
    | {"errormessage", "mensagemerro"}
)
_SUCCESS_KEYS = frozenset({"success", "sucesso", "ok", "isvalid"})
_MESSAGE_KEYS = frozenset({"message", "messages", "mensagem", "msg", "detail", "detalhe", "title", "path", "timestamp"})
_LONG_ERROR = re.compile(
    rb'[\[{\s]*"(?:error|errors|erro|erros|exception|trace|stacktrace|fault)"\s*:'
    rb'|"(?:status|statusCode|code|codigo)"\s*:\s*"?[45]\d\d\b|"(?:error|erro|exception)"\s*:\s*[{"]',
    re.IGNORECASE,
)
_ERROR_WORDS = re.compile(
    r"\b(?:erro|error|falha|failed|failure|exception|negado|denied|indispon|unavailable|forbidden|unauthorized|timeout"
    r"|not found|n[aã]o encontrad|n[aã]o autorizad|inv[aá]lid|expirad|expired|tente novamente|try again)",
    re.IGNORECASE,
)


def without_mark(head: bytes) -> bytes:
    """The text as UTF-8 or another superset of ASCII, without byte order mark and leading whitespace."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "ignore").encode("utf-8", "ignore")
    elif head[1:2] == head[3:4] == b"\0" and head[:1] not in b"\0" and head[2:3] not in b"\0":
        head = head.decode("utf-16-le", "ignore").encode("utf-8", "ignore")
    elif head[:1] == head[2:3] == b"\0" and head[1:2] not in b"\0" and head[3:4] not in b"\0":
        head = head.decode("utf-16-be", "ignore").encode("utf-8", "ignore")
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()


def syntax_of(text: bytes) -> str | None:
    """HTML, XML, SVG, JSON (by its start: `error_likeness` parses it) or plain text; None for binary bytes."""
    if b"\0" in text:
        return None
    if text.startswith(b"<"):
        return _markup(text)
    return JSON if _JSON_START.match(text) else TEXT


def _markup(text: bytes) -> str:
    prefix, name = root_of(text)
    if _HTML_DOCTYPE.match(text) or name in _HTML_ELEMENTS or prefix in _WORD_PREFIXES:
        return HTML
    if not name:
        # A bare comment or declaration, or "< 3 meses".
        return HTML if text.startswith((b"<!", b"</")) else XML if text.startswith(b"<?xml") else TEXT
    return SVG if name == b"svg" else XML


def root_of(text: bytes) -> tuple[bytes, bytes]:
    """The prefix with its colon, and the name of the first element, in lower case; empty if there is none."""
    prologue = _PROLOGUE.match(text)
    root = _ROOT.match(text, prologue.end() if prologue else 0)
    return ((root[1] or b"").lower(), root[2].lower()) if root else (b"", b"")


def is_xml_error(text: bytes) -> bool:
    """Whether XML is an error of an object store, a gateway or a service: S3, Azure, SOAP, Spring."""
    name = root_of(text)[1]
    return name in _XML_ERRORS or (name in _ENVELOPES and _XML_STATUS.search(text) is not None)


def error_likeness(text: bytes, *, whole: bool, header: str | None) -> Likeness | None:
    """How much JSON looks like an error; None if it is not JSON. `whole`: no more bytes follow."""
    says_json = header == JSON
    if not says_json and not _JSON_START.match(text):
        return None
    try:
        return _value_likeness(msgspec.json.decode(_as_utf8(text)))
    except RecursionError:
        return "sure"
    except ValueError:
        pass
    if whole and not says_json:
        return None
    if not _LONG_START.match(text):
        return "some" if says_json else None
    return "sure" if _LONG_ERROR.search(text[:2048]) else "some" if whole else "none"


def _as_utf8(text: bytes) -> bytes:
    """Old systems write JSON in Windows-1252."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace").encode()
    return text


def _value_likeness(value: Any) -> Likeness:
    if isinstance(value, dict):
        return _object_likeness({key.lower(): each for key, each in value.items()})
    if isinstance(value, list):
        likenesses = {_value_likeness(each) for each in value}
        return "sure" if likenesses <= {"sure"} else "none"
    if isinstance(value, str):
        return "sure" if not value or _ERROR_WORDS.search(value) else "some"
    return "sure" if value is None else "some"


def _object_likeness(value: dict[str, Any]) -> Likeness:
    has_nothing = all(each is None for each in value.values())
    says_no = any(value.get(key) is False for key in _SUCCESS_KEYS)
    if has_nothing or says_no or any(value.get(key) for key in _ERROR_KEYS):
        return "sure"
    if any(_is_status(value.get(key)) for key in _STATUS_KEYS):
        return "sure"
    if not value.keys() & (_STATUS_KEYS | _MESSAGE_KEYS):
        return "none"
    is_flat = not any(isinstance(each, dict | list) for each in value.values())
    return "sure" if is_flat and value.keys() & {*_STATUS_KEYS, "message", "mensagem", "msg"} else "some"


def _is_status(value: Any) -> bool:
    number = str(value)
    return not isinstance(value, bool) and number.isascii() and number.isdigit() and 300 <= int(number[:6]) < 600
