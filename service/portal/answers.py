"""Turns each answer that is not a 200 into an error.

The portal sends its errors as JSON. HTML or plain text comes from a gateway or a firewall in front of it, which knows
nothing about cases and documents: such an answer never means "not found" or "access denied".
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from service.domain.errors import ErrorCode
from service.portal.errors import (
    AccessDenied,
    Blocked,
    Busy,
    NotFound,
    NotReady,
    PortalError,
    Unauthorized,
    Unavailable,
)

_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?")
PORTAL_RETRY_AFTER_MAX = 600.0  # seconds; a longer Retry-After is cut to this
#: Words of the portal's errors, in lower case, without accents. Messages about an invalid token have "acesso" too.
_TOKEN = re.compile(r"token|sessao|expirad|bearer|jwt|autenticac|autenticad|credencia")
_DENIAL = re.compile(
    r"(nao (possui|tem|ha)|sem|falta de) .{0,30}?(acesso|permissao|autorizacao)|(acesso|permissao|autorizacao) negad"
    r"|acesso (nao (permitido|autorizado)|restrito|proibido|vedado)"
)
#: Also a denial, unless the message reports a temporary failure (`_PASSING`), for example of the access check.
_DENIAL_IN_A_WORD = re.compile(r"permissao|autorizacao|autorizado a|sigil|segredo")
#: A denial whatever the status. A word alone may be about a wrong parameter ("nivelSigilo").
_SECRECY = re.compile(r"\b(sigilos[oa]s?|(em|sob|de) sigilo|(em|sob) segredo|segredo de justica)\b")
_PASSING = re.compile(
    r"indisponivel|temporari|tente (novamente|mais tarde)|timeout|timed out|unavailable|manutencao|maintenance"
    r"|fora do ar|instabilidade|sobrecarreg|try again"
    r"|(erro|falha) (intern|inesperad|de comunicac)"
    r"|(verificar|validar|determinar|checar|apurar)\b.{0,40}(acesso|permiss|autorizac|sigil|segredo)"
)
_LIMIT = re.compile(r"limite? (de|excedid|exceeded)|excedid|muitas requisicoes|too many|rate.?limit|throttl")
_NO_RECORD = re.compile(
    r"(nao|nenhum[a ].{0,40}?) ?((foi|foram) )?(encontrad|localizad)|registronaoencontrado|nao existe|inexistente"
)
_NO_ROUTE = re.compile(r"\b(rota|route|endpoint|recurso|resource|pagina|metodo|url|servico|no handler)\b")
_LOGIN = re.compile(
    r"openid-connect|/realms/|oauth2?/|saml|/(auth|sso|cas|adfs|idp|oidc)\b|//(sso|idp|acesso|accounts|login|auth)\."
    r"|/[\w-]*(login|log-?on|sign-?in|entrar|autenticacao|autenticar|sessao|session)\b",
    re.IGNORECASE,
)
#: A service that fails checks tokens no better: this says nothing about the token, unless it names a fault of it.
_OUTAGE = re.compile(r"indisponivel|unavailable|manutencao|maintenance|fora do ar|timeout|timed out|instabilidade")
_TOKEN_FAULT = re.compile(r"expirad|expired|invalid|revogad|revoked")
#: A 404 of a gateway that has lost the portal, or of a portal that could not look.
_NO_SERVICE = re.compile(
    r"\bno (route|handler|healthy|static|instance|available)|\b(upstream|backend)\b|route not found"
    r"|(rota|servico|instancia) .{0,30}?nao|(falha|erro) (ao|na|no)\b|nao foi possivel"
)
#: Names of members with texts of an error.
_TEXTS = re.compile(r"mens[ag]|mess|msg|erro|exce[pc]|moti|reason|deta|descri|tit[lu]|texto|cause|causa", re.IGNORECASE)
_WRAPPERS = frozenset({"data", "dados", "body", "response", "resposta", "result", "resultado", "fault"})
_STATUSES = frozenset({"status", "statuscode", "httpstatus", "code", "codigo"})
_MARKS = _STATUSES | {"path", "timestamp"}
_DEPTH = 4  # levels of nested objects and lists that are read in an error
_LATER: Mapping[int, type[Unavailable]] = {202: NotReady, 429: Busy}
#: Pages with these statuses come from the portal or an overloaded server behind it, not from a firewall.
_NO_BLOCKS = frozenset({408, 429})
#: Statuses that may be about the requested case or document, beside 401 and 403.
_ABOUT_THIS = frozenset({400, 404, 409, 410, 422, 423, 451})
_NETWORK_LOGIN = 511  # Network Authentication Required (RFC 6585): the local network wants a login first


class Answer(msgspec.Struct, frozen=True):
    """An answer other than 200. `body` is empty if it could not be read or was too long."""

    status: int
    content_type: str
    body: bytes = b""
    location: str = ""
    retry_after: float | None = None  #: seconds

    @property
    def is_html(self) -> bool:
        """True if the header says so, or if the body starts with `<`."""
        return self.content_type == "text/html" or self.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"

    @property
    def error(self) -> Any:
        """The portal's JSON error: an object or a list of objects; None for any other body."""
        try:
            value = msgspec.json.decode(_as_utf8(self.body))
        except (ValueError, RecursionError):
            return None
        objects = value if isinstance(value, list) else [value]
        return value if objects and all(_is_error(each) for each in objects) else None

    @property
    def message(self) -> str:
        """The texts of the portal's JSON error, in lower case and without accents."""
        return fold(" ".join(_texts(self.error, _DEPTH)))

    @property
    def tells_failure(self) -> bool:
        """True if the portal's JSON error names the status of a temporary failure, other than that of the answer."""
        errors = self.error if isinstance(self.error, list) else [self.error]
        values = (each for error in errors if error for name, each in error.items() if name.lower() in _STATUSES)
        return any(re.fullmatch(r"5[0-9][0-9]|408|425|429", str(each)) for each in values)


def _is_error(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    is_marked = any(name.lower() in _MARKS or _TEXTS.search(name) for name in value)
    return is_marked or any(name.lower() in _WRAPPERS and _is_error(each) for name, each in value.items())


def _texts(value: Any, depth: int) -> list[str]:
    """The texts of an error, from the members whose names fit `_TEXTS`."""
    if isinstance(value, str):
        return [value]
    if depth == 0 or not isinstance(value, dict | list):
        return []
    inner = value
    if isinstance(value, dict):
        inner = [
            each
            for name, each in value.items()
            if _TEXTS.search(name) or (name.lower() in _WRAPPERS and isinstance(each, dict | list))
        ]
    return [text for each in inner for text in _texts(each, depth - 1)]


def _as_utf8(body: bytes) -> bytes:
    try:
        body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1").encode()
    return body


def fold(text: str) -> str:
    """Return `text` in lower case, without accents, with single spaces."""
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).lower().split())


def judge(answer: Answer) -> PortalError:
    """Return the error for an answer. The caller must verify `Unauthorized` and `Blocked`: they are only suspected."""
    if (kind := _LATER.get(answer.status)) is not None:
        return kind(ErrorCode.PORTAL_UNAVAILABLE, "the portal says: later", retry_after=answer.retry_after)
    if answer.is_html and _may_block(answer):
        return Blocked(ErrorCode.PORTAL_UNAVAILABLE, f"a page of a firewall with status {answer.status}")
    if answer.status in {401, 403}:
        return _refusal(answer)
    if answer.status in _ABOUT_THIS and answer.error is not None:
        return _about_this(answer)
    if answer.status in range(300, 400):
        return _redirect(answer)
    code = ErrorCode.PORTAL_ERROR if answer.status == 500 and not answer.is_html else ErrorCode.PORTAL_UNAVAILABLE
    return Unavailable(code, f"the portal answered {answer.status}", retry_after=answer.retry_after)


def _may_block(answer: Answer) -> bool:
    """True if an HTML page with this status may come from a firewall."""
    if answer.status in range(400, 500):
        return answer.status not in _NO_BLOCKS
    return answer.status == _NETWORK_LOGIN or (answer.status == 503 and answer.retry_after is None)


def _about_this(answer: Answer) -> PortalError:
    """The error for a status that may be about the case or the document. Only clear words are final."""
    message = answer.message
    is_denial = (_DENIAL.search(message) or _SECRECY.search(message)) and not _PASSING.search(message)
    if is_denial and not _TOKEN.search(message) and not answer.tells_failure:
        return AccessDenied(ErrorCode.DOCUMENT_ACCESS_DENIED, "access is denied")
    is_absent = answer.status in {404, 410} and not answer.tells_failure
    if is_absent and not any(words.search(message) for words in (_TOKEN, _PASSING, _NO_SERVICE)):
        return NotFound(ErrorCode.DOCUMENT_NOT_FOUND, "not found")
    sentence = f"the portal answered {answer.status}"
    return Unavailable(ErrorCode.PORTAL_UNAVAILABLE, sentence, retry_after=answer.retry_after)


def _refusal(answer: Answer) -> PortalError:
    message = answer.message
    is_of_token = _TOKEN.search(message) and not (_OUTAGE.search(message) and not _TOKEN_FAULT.search(message))
    if (named := None if is_of_token else _in_so_many_words(message, answer.retry_after)) is not None:
        return named
    is_plain_text = answer.error is None and bool(answer.body.strip())
    if is_plain_text and answer.status == 403:
        return Blocked(ErrorCode.PORTAL_UNAVAILABLE, "a gateway answered 403")
    return Unauthorized()


def _in_so_many_words(message: str, retry_after: float | None) -> PortalError | None:
    if _LIMIT.search(message):
        return Busy(ErrorCode.PORTAL_UNAVAILABLE, "the portal says: too many requests", retry_after=retry_after)
    is_passing = _PASSING.search(message)
    if _DENIAL.search(message) or (_DENIAL_IN_A_WORD.search(message) and not is_passing):
        return AccessDenied(ErrorCode.DOCUMENT_ACCESS_DENIED, "access is denied")
    if is_passing:
        return Unavailable(ErrorCode.PORTAL_UNAVAILABLE, "the portal cannot tell who has access")
    return None


def _redirect(answer: Answer) -> PortalError:
    if _LOGIN.search(answer.location):
        return Unauthorized()  # the gateway redirects to the login if it does not accept the token
    return Unavailable(ErrorCode.REDIRECTED, "redirected", retry_after=answer.retry_after)


def says_no_record(answer: Answer) -> bool:
    """True if a 404 says in words that there is no such case. A 404 without these words may be a wrong route."""
    message = answer.message
    return answer.status == 404 and bool(_NO_RECORD.search(message)) and not _NO_ROUTE.search(message)


def parse_retry_after(*values: str) -> float | None:
    """Return seconds from now, at most `PORTAL_RETRY_AFTER_MAX`, the longest of several; None without a valid one."""
    seconds = [_seconds(value.strip()) for value in values]
    return max((each for each in seconds if each is not None), default=None)


def _seconds(text: str) -> float | None:
    if _NUMBER.fullmatch(text):
        return min(float(text[:20]), PORTAL_RETRY_AFTER_MAX)
    try:
        moment = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
        # The third form of HTTP's dates has no zone; all of them are UTC (RFC 9110, section 5.6.7).
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), PORTAL_RETRY_AFTER_MAX)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
