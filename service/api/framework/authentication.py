"""Finds the user of a request by `Authorization: Bearer <API key>`."""

import re

import msgspec
import structlog

from service.api.framework.state import ApiRequest
from service.database.users import users
from service.database.users.users import User
from service.domain.api_keys import key_hash, key_hint
from service.http.problems import Problem

#: Scheme names have no case, and white space around a value does not belong to it (RFC 9110, 11.1 and 5.5).
_BEARER = re.compile(r"[ \t]*(?i:bearer)[ \t]+([\x21-\x7e]{1,200})[ \t]*")


class PresentedKey(msgspec.Struct, frozen=True):
    """What a request keeps of its key: places that hear of it, such as Redis and the log, must not hold the key."""

    hash: bytes
    hint: str

    @classmethod
    def of(cls, api_key: str) -> "PresentedKey":
        """Hash a key. Each request does it once."""
        return cls(key_hash(api_key), key_hint(api_key))

    @property
    def identity(self) -> str:
        """The hash in hexadecimal."""
        return self.hash.hex()


def presented_key(request: ApiRequest) -> PresentedKey:
    """The key in the header, not looked up yet. Raises the problem `unauthorized` (401) if there is none."""
    match = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    if match is None:
        raise _unauthorized("Send your API key as `Authorization: Bearer <key>`.")
    return PresentedKey.of(match[1])


async def authenticate(request: ApiRequest, key: PresentedKey) -> User:
    """The owner of a key. Each request asks the database, so that a revocation works at once.

    Raises the problem `unauthorized` (401).
    """
    async with request.state["database"].connection() as connection:
        user = await users.find_by_key_hash(connection, key.hash)
    if user is None:
        raise revoked()
    # The hint tells the keys of a user apart. It shows 24 of 256 bits: too few to guess the key.
    structlog.contextvars.bind_contextvars(user=str(user.id), key_hint=key.hint)
    request.state["key_uses"].note(user.key_id)
    return user


def revoked() -> Problem:
    """The problem for a key that is unknown or was revoked, perhaps since the request began."""
    return _unauthorized("The API key is unknown or was revoked.")


def _unauthorized(detail: str) -> Problem:
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})
