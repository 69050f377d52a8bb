"""The access token: the interface of its sources, and the call that renews it.

The portal's own login is a Keycloak realm; its public client may renew with a refresh token, without a second
factor. The answer may have a new refresh token; the old one may then be invalid.
"""

import base64
import math
import re
from typing import Protocol

import aiohttp
import msgspec

from service.domain.errors import ErrorCode
from service.portal.download import read_body
from service.portal.errors import TokenUnavailable, Unauthorized, Unavailable
from service.portal.no_answer import in_words

TOKEN_ENDPOINT_TIMEOUT = 120.0  # seconds; a lost answer may lose a rotated token; callers stop waiting earlier
LIFE_MIN, LIFE_MAX = 5.0, 30 * 86_400.0  # seconds; an `expires_in` outside them is cut to them
DEFAULT_LIFE = 300.0  # seconds, if the answer has no `expires_in`
ANSWER_MAX_BYTES = 256 * 1024
UNUSABLE = "an answer without an access token that can be sent"
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")


class TokenSource(Protocol):
    """Returns the token for the next call. The caller reports if the portal accepted it."""

    async def current(self) -> str:
        """Return the token to send. Raises `Unauthorized` or `TokenUnavailable` if there is none."""
        ...

    async def refused(self, token: str) -> None:
        """Note that the portal refuses this token."""
        ...

    async def accepted(self, token: str) -> None:
        """Note that the portal answered 200 to this token."""
        ...


class _Claims(msgspec.Struct, frozen=True):
    exp: float


def expiry(token: str) -> float | None:
    """Return the `exp` claim of a JWT: seconds since the epoch (RFC 7519, section 4.1.4). None: the token has none.

    The signature is not checked: the time is only shown to operators.
    """
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Claims).exp
    except (ValueError, RecursionError):
        return None


class RenewedTokens(msgspec.Struct, frozen=True):
    """What an exchange of a refresh token brought."""

    access_token: str | None  #: None if it cannot be sent; the refresh token has rotated all the same
    expires_in: float = DEFAULT_LIFE  #: seconds
    refresh_token: str | None = None  #: None if the old one stays


class _Answer(msgspec.Struct, frozen=True):
    """The answer of the token endpoint (RFC 6749, section 5.1). Each member is judged by itself."""

    access_token: object = None
    expires_in: object = None
    refresh_token: object = None


async def renew(session: aiohttp.ClientSession, *, url: str, client_id: str, refresh_token: str) -> RenewedTokens:
    """Exchange a refresh token. Raises `Unauthorized` if it is invalid, `TokenUnavailable` for every other failure."""
    form = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": refresh_token}
    timeout = aiohttp.ClientTimeout(total=TOKEN_ENDPOINT_TIMEOUT)
    try:
        async with session.post(url, data=form, timeout=timeout, allow_redirects=False) as response:
            body = await read_body(response, ANSWER_MAX_BYTES)
            status = response.status
    except (aiohttp.ClientError, TimeoutError, ConnectionError, Unavailable) as error:
        raise _unavailable(str(error) if isinstance(error, Unavailable) else in_words(error)) from error
    if status in {400, 401} and not body.lstrip().startswith(b"<"):
        raise Unauthorized
    if status != 200:
        raise _unavailable(f"status {status}")
    return _read(body)


def _read(body: bytes) -> RenewedTokens:
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (ValueError, RecursionError) as error:
        raise _unavailable("an answer that cannot be read") from error
    access, refresh = _token(answer.access_token), _token(answer.refresh_token)
    if access is None and refresh is None:
        raise _unavailable(UNUSABLE)
    return RenewedTokens(access, _life(answer.expires_in), refresh)


def _token(given: object) -> str | None:
    return given if isinstance(given, str) and _HEADER_VALUE.fullmatch(given) else None


def _life(given: object) -> float:
    """Seconds. Some servers write a number as a string."""
    try:
        seconds = float(given) if isinstance(given, int | float | str) else DEFAULT_LIFE
    except (ValueError, OverflowError):
        return DEFAULT_LIFE
    return min(max(seconds, LIFE_MIN), LIFE_MAX) if math.isfinite(seconds) else DEFAULT_LIFE


def _unavailable(reason: str) -> TokenUnavailable:
    return TokenUnavailable(ErrorCode.PORTAL_UNAVAILABLE, f"the token could not be renewed: {reason}")
