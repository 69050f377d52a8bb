"""What an answer of the portal means that is not a 200. An answer is believed only from the one who can give it.

The portal answers errors in JSON. A page in HTML or plain text comes from a gateway or a firewall in front of it,
which knows nothing of cases and documents.
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

RETRY_AFTER_MAX = 600.0  # seconds; beyond that the job is put away and taken up again
#: Words of the portal's errors, in lower case and without accents. A dead token has "acesso" in its message too.
_TOKEN = re.compile(r"token|sessao|expirad|bearer|jwt|autenticac|autenticad|credencia")
_DENIAL = re.compile(
    r"(nao (possui|tem|ha)|sem|falta de) .{0,30}?(acesso|permissao|autorizacao)|(acesso|permissao|autorizacao) negad"
    r"|acesso (nao (permitido|autorizado)|restrito)|permissao|autorizacao|autorizado a|sigil|segredo"
)
_NO_RECORD = re.compile(r"nao (foi|foram) encontrad|nao encontrad|registronaoencontrado|nao existe|inexistente")
_LOGIN = re.compile(r"openid-connect|/realms/|/auth\b|/login|/sso\b|//sso\.", re.IGNORECASE)
_MESSAGES = ("message", "mensagem", "detail", "detalhe", "error", "error_description")
_MARKS = (*_MESSAGES, "status", "path", "timestamp", "code", "codigo")
_LATER: Mapping[int, type[Unavailable]] = {202: NotReady, 429: Busy}
_PAGES = frozenset({401, 403, 404, 410})


class Answer(msgspec.Struct, frozen=True):
    """An answer other than 200, its body read as far as it may be."""

    status: int
    content_type: str
    body: bytes = b""
    location: str = ""
    retry_after: float | None = None  #: seconds

    @property
    def is_html(self) -> bool:
        """Whether it is a web page, whatever its header says."""
        return self.content_type == "text/html" or self.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"

    @property
    def json(self) -> Mapping[str, Any] | None:
        """The portal's own error; None for anything else."""
        try:
            value = msgspec.json.decode(_as_utf8(self.body))
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) and any(mark in value for mark in _MARKS) else None

    @property
    def message(self) -> str:
        """The words of the portal's own error, in lower case and without accents."""
        found = self.json or {}
        return fold(" ".join(value for name in _MESSAGES if isinstance(value := found.get(name), str)))


def _as_utf8(body: bytes) -> bytes:
    try:
        body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1").encode()
    return body


def fold(text: str) -> str:
    """Lower case without accents, with single spaces."""
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).lower().split())


def judge(answer: Answer) -> PortalError:
    """The error that the answer is. `Unauthorized` and `Blocked` are suspicions: the caller has to verify them."""
    if (kind := _LATER.get(answer.status)) is not None:
        return kind(ErrorCode.PORTAL_UNAVAILABLE, "the portal says: later", retry_after=answer.retry_after)
    if answer.is_html and (answer.status in _PAGES or (answer.status == 503 and answer.retry_after is None)):
        return Blocked(ErrorCode.PORTAL_UNAVAILABLE, f"a page of a firewall with status {answer.status}")
    if answer.status in {401, 403}:
        return _refusal(answer)
    if answer.status in {404, 410} and answer.json is not None:
        return NotFound(ErrorCode.DOCUMENT_NOT_FOUND, "not found")
    if answer.status in range(300, 400):
        return _redirect(answer)
    code = ErrorCode.PORTAL_ERROR if answer.status == 500 and not answer.is_html else ErrorCode.PORTAL_UNAVAILABLE
    return Unavailable(code, f"the portal answered {answer.status}", retry_after=answer.retry_after)


def _refusal(answer: Answer) -> PortalError:
    is_denial = _DENIAL.search(answer.message) and not _TOKEN.search(answer.message)
    if is_denial:
        return AccessDenied(ErrorCode.DOCUMENT_ACCESS_DENIED, "access is denied")
    is_plain_text = answer.json is None and bool(answer.body.strip())
    if is_plain_text and answer.status == 403:
        return Blocked(ErrorCode.PORTAL_UNAVAILABLE, "a gateway answered 403")
    return Unauthorized()


def _redirect(answer: Answer) -> PortalError:
    if _LOGIN.search(answer.location):
        return Unauthorized()  # the gateway's way to say it: log in again
    return Unavailable(ErrorCode.REDIRECTED, "redirected", retry_after=answer.retry_after)


def says_no_record(answer: Answer) -> bool:
    """Whether a 404 is the portal's word that it has no such case. One without these words is a wrong route."""
    return answer.status == 404 and bool(_NO_RECORD.search(answer.message))


def parse_retry_after(text: str) -> float | None:
    """Seconds from now, at most `RETRY_AFTER_MAX`; None for what cannot be read, whatever it is."""
    if text.isascii() and text.isdigit():
        return float(min(int(text[:10]), int(RETRY_AFTER_MAX)))
    try:
        seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_MAX)
