"""Cleans environment variables, as people and platforms write them, before the settings read them."""

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

#: Kubernetes gives every process `<NAME>_PORT=tcp://…` for each service called <name>. These settings may collide.
_PORTS_OF_SERVICES = ("METRICS_PORT", "WORKER_METRICS_PORT")
_ADDRESS_OF_SERVICE = re.compile(r"\s*(tcp|udp|sctp)://\S+\s*")
#: Parts of an Authorization header that are pasted together with the token.
_SCHEME = re.compile(r"(authorization:\s*)?bearer(:\s*|\s+|$)|authorization:\s*", re.IGNORECASE)
_TOKENS = ("PDPJ_TOKEN", "PDPJ_REFRESH_TOKEN", "ADMIN_API_KEY")
_S3 = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "S3_REGION", "S3_KMS_KEY_ID")
_IN_HEADERS = (*_TOKENS, *_S3)
_QUOTES = ("'", '"')
_BLANK = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})  # categories of Unicode; Cf has the byte order mark
_CONTROL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SENDABLE = re.compile(r"[\x21-\x7e]+")  # in a header


def injected(environ: Mapping[str, str]) -> list[str]:
    """The names whose value is the address of a Kubernetes service and not a setting of this program."""
    return [name for name in _PORTS_OF_SERVICES if _ADDRESS_OF_SERVICE.fullmatch(environ.get(name, ""))]


def tidied(environ: Mapping[str, str]) -> dict[str, str]:
    """The values without surrounding white space and quotes, tokens without their scheme. Empty ones are left out.

    Quotes: `docker run --env-file` and unit files keep those that a shell would remove.
    """
    stripped = {name: _bare(value, is_token=name in _TOKENS) for name, value in environ.items()}
    return {name: value for name, value in stripped.items() if value}


def fault(name: str, value: str) -> str | None:
    """What is wrong with the characters of a value; None if they are fine."""
    if any(unicodedata.category(each) in _CONTROL for each in value):
        return "it has a control character inside, such as a line break"
    if name in _IN_HEADERS and not _SENDABLE.fullmatch(value):
        return "it has a character that no header can carry, such as a space"
    return None


def unreadable(path: str) -> str | None:
    """Why the file cannot be read: the class name of the error. None if it can."""
    try:
        with Path(path).open("rb"):
            return None
    except (OSError, ValueError) as error:  # ValueError: the path has a null character
        return type(error).__name__


def _bare(value: str, *, is_token: bool) -> str:
    """Strip layer by layer: there may be quotes within quotes, and between a scheme and its token."""
    bare = _strip(_unquote(_strip(value)))
    scheme = _SCHEME.match(bare) if is_token else None
    bare = bare[scheme.end() :] if scheme else bare
    return bare if bare == value else _bare(bare, is_token=is_token)


def _unquote(value: str) -> str:
    inner = value[1:-1]
    # Not if the quote is also inside: each part of a list may be quoted by itself.
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES and value[0] not in inner
    return inner if is_quoted else value


def _strip(value: str) -> str:
    start, end = 0, len(value)
    while start < end and unicodedata.category(value[start]) in _BLANK:
        start += 1
    while start < end and unicodedata.category(value[end - 1]) in _BLANK:
        end -= 1
    return value[start:end]
