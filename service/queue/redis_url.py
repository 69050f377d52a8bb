"""Checks `REDIS_URL` before redis-py reads it: redis-py ignores some mistakes, and fails only later on the others."""

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from service.domain.environment.variables import unreadable

_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
#: The allowed parameters of the query, and their allowed values.
_PARAMETERS: Mapping[str, re.Pattern[str]] = {
    "db": re.compile("[0-9]{1,5}"),
    "client_name": re.compile(r"[\x21-\x7e]+"),
    "protocol": re.compile("[23]"),
}
_TLS_PARAMETERS: Mapping[str, re.Pattern[str]] = {
    "ssl_cert_reqs": re.compile("none|optional|required"),
    "ssl_check_hostname": re.compile("true|false|yes|no|0|1|True|False"),
    **dict.fromkeys(_FILES, re.compile(".+")),
}
_IN_NEED_OF_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|\s")


class RedisUrlError(ValueError):
    """The URL cannot be used. The message is one line that names the parameter and repeats no value."""


def check_redis_url(url: str) -> None:
    """Raises `RedisUrlError` for everything that redis-py would ignore or reject later."""
    parts = urlsplit(url)
    if parts.fragment or _IN_NEED_OF_ESCAPE.search(f"{parts.netloc}{parts.path}"):
        raise RedisUrlError("a character in it needs an escape, such as %23 for # or %25 for a percent sign")
    _check_place(parts)
    given = parse_qsl(parts.query, keep_blank_values=True)
    if parts.scheme != "unix" and parts.path.strip("/") and "db" in dict(given):
        raise RedisUrlError("db is given twice")
    _check_parameters(given, is_tls=parts.scheme == "rediss")


def _check_place(parts: SplitResult) -> None:
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme == "unix" and (host or not parts.path.strip("/")):
        # The text between the second and the third slash is a host. A socket has none, so redis-py would ignore it.
        raise RedisUrlError("a socket is written with its whole path, such as unix:///run/redis.sock")
    if "," in host:
        raise RedisUrlError("it must name one host")
    if parts.scheme != "unix" and not re.fullmatch("/?[0-9]{0,5}", unquote(parts.path)):
        raise RedisUrlError("what follows the host must be the number of a database")


def _check_parameters(given: list[tuple[str, str]], *, is_tls: bool) -> None:
    seen: set[str] = set()
    for name, value in given:
        if name in seen:
            raise RedisUrlError(f"{name} is given twice")
        seen.add(name)
        if name in _TLS_PARAMETERS and not is_tls:
            raise RedisUrlError(f"{name} needs a URL that starts with rediss://")
        pattern = {**_PARAMETERS, **_TLS_PARAMETERS}.get(name)
        if pattern is None:
            shown = name if re.fullmatch("[a-z_]{1,40}", name) else "a parameter"
            raise RedisUrlError(f"{shown} is no parameter that is known")
        if not pattern.fullmatch(value):
            raise RedisUrlError(f"{name} has a value that it cannot have")
        if name in _FILES and (reason := unreadable(value)) is not None:
            raise RedisUrlError(f"the file of {name} cannot be read ({reason})")
