"""`DATABASE_URL`, parsed in one way for both drivers.

psycopg changes the schema and asyncpg does everything else. Each parses such a URL differently, and ignores or refuses
other parts of it. So it is parsed here, by the rules of libpq. A parameter that one driver cannot honour is an error.
"""

import getpass
import os
import re
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlencode

import msgspec

from service.domain.environment.variables import unreadable

_URL = re.compile(
    r"postgres(?:ql)?://"
    r"(?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?"
    r"(?P<hosts>[^/?]*)(?:/(?P<dbname>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_HOST = re.compile(r"(\[[^\[\]]+\]|[^:\[\]]*)(?::([0-9]*))?")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_NAME = re.compile(r"[A-Za-z_]{1,40}")
_DEFAULT_PORT = 5432
_PLACE = frozenset({"host", "port", "user", "password", "dbname"})
_TLS_VERSIONS = frozenset({"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"})
#: The parameters that both drivers have, and their allowed values; None for any value.
_PARAMETERS: Mapping[str, frozenset[str] | None] = {
    **dict.fromkeys(("application_name", "connect_timeout", "options", "passfile")),
    **dict.fromkeys(("sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl")),
    "sslmode": frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}),
    "sslnegotiation": frozenset({"postgres", "direct"}),
    "ssl_min_protocol_version": _TLS_VERSIONS,
    "ssl_max_protocol_version": _TLS_VERSIONS,
    # The service writes, so it cannot use a read-only server.
    "target_session_attrs": frozenset({"any", "read-write", "primary"}),
    # asyncpg has neither of them, and these values do not need them.
    "gssencmode": frozenset({"disable", "prefer"}),
    "channel_binding": frozenset({"disable", "prefer"}),
    "client_encoding": frozenset({"UTF8", "utf8", "UTF-8", "utf-8"}),
}
_OF_TLS = tuple(name for name in _PARAMETERS if name.startswith("ssl"))
_FILES = ("passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl")
_SYSTEM = "system"  # instead of a file: the certificate authorities of the operating system
_NOT_WITH_SYSTEM = ("sslcrl", "ssl_min_protocol_version", "ssl_max_protocol_version")
#: Only libpq reads these from the environment.
_VARIABLES = {"application_name": "PGAPPNAME", "connect_timeout": "PGCONNECT_TIMEOUT", "options": "PGOPTIONS"}


class DatabaseUrlError(ValueError):
    """The URL cannot be used. The message is one line that names the parameter and never its value."""


class DatabaseUrl(msgspec.Struct, frozen=True):
    """A parsed `DATABASE_URL`. For what it leaves out, the drivers use their defaults and environment variables."""

    hosts: tuple[str, ...]  #: or socket directories, in the order in which they are tried
    ports: tuple[int, ...]  #: none, one for all hosts, or one for each host
    user: str
    password: str | None  #: empty if nothing follows the colon
    database: str | None
    parameters: dict[str, str]

    def for_psycopg(self, *, application_name: str) -> dict[str, str]:
        """Return the libpq parameters except user, password, host, port and dbname."""
        return {"application_name": application_name, **self.parameters}

    def for_asyncpg(self, *, application_name: str) -> dict[str, Any]:
        """Return the arguments of asyncpg.connect."""
        given = self.parameters
        is_system = given.get("sslrootcert") == _SYSTEM
        tls = {name: given[name] for name in (("sslnegotiation",) if is_system else _OF_TLS) if name in given}
        options = {"options": given["options"]} if "options" in given else {}
        timeout = {"timeout": float(given["connect_timeout"])} if "connect_timeout" in given else {}
        return {
            # asyncpg takes these TLS parameters only from a DSN.
            "dsn": f"postgresql://?{urlencode(tls)}" if tls else None,
            "host": list(self.hosts) or None,
            "port": list(self.ports) if len(self.ports) > 1 else next(iter(self.ports), None),
            "user": self.user,
            "password": self.password or None,
            "database": self.database,
            "passfile": given.get("passfile"),
            "target_session_attrs": given.get("target_session_attrs"),
            "server_settings": {"application_name": given.get("application_name", application_name), **options},
            **timeout,
            # asyncpg does not know `system`.
            **({"ssl": _system_context(given)} if is_system else {}),
        }


def _system_context(given: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if "sslcert" in given:
        context.load_cert_chain(given["sslcert"], given.get("sslkey"), given.get("sslpassword"))
    return context


def parse_database_url(url: str, environ: Mapping[str, str] | None = None) -> DatabaseUrl:
    """Read a URL. Raises `DatabaseUrlError`."""
    match = _URL.fullmatch(url)
    if match is None:
        raise DatabaseUrlError("it must be a URL that starts with postgresql://")
    given = _given(match)
    parameters = _checked(given, os.environ if environ is None else environ)
    hosts, ports = _servers(match["hosts"], given)
    user = given.get("user") or os.environ.get("PGUSER") or _own_name()
    return DatabaseUrl(hosts, ports, user, given.get("password", match["password"]), given.get("dbname"), parameters)


def passwords(url: str) -> tuple[str, ...]:
    """Return the passwords to keep out of logs, decoded and as written in the URL, which must be valid."""
    match = _URL.fullmatch(url)
    given = {} if match is None else _given(match)
    written = [] if match is None else [match["password"], *re.findall(r"(?<=password=)[^&]+", match["query"] or "")]
    found = [given.get("password"), given.get("sslpassword"), *written]
    return tuple({each for each in found if each})


def _given(match: re.Match[str]) -> dict[str, str]:
    """Return all parts of the URL by parameter name, without empty ones. Raises if one is given twice."""
    parts = [("host", match["hosts"]), *((name, match[name] or "") for name in ("user", "password", "dbname"))]
    pairs = [pair.partition("=") for pair in (match["query"] or "").split("&") if pair]
    if any(not separator for _name, separator, _value in pairs):
        raise DatabaseUrlError("a parameter has no value")
    given: dict[str, str] = {}
    for name, written in (*parts, *((_decoded(name, "a parameter"), value) for name, _, value in pairs)):
        # Hosts are decoded after they are split.
        value = written if name == "host" else _decoded(written, name)
        if name in given:
            raise DatabaseUrlError(f"{_shown(name)} is given twice")
        if value:
            given[name] = value
    return given


def _checked(given: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    parameters = {name: environ[variable] for name, variable in _VARIABLES.items() if environ.get(variable)}
    parameters |= {name: value for name, value in given.items() if name not in _PLACE}
    if parameters.get("ssl") == "true":
        # The form of JDBC, which libpq accepts too.
        if "sslmode" in parameters:
            raise DatabaseUrlError("sslmode is given twice")
        parameters["sslmode"] = "require"
        del parameters["ssl"]
    for name, value in parameters.items():
        _check_parameter(name, value)
    _check_together(parameters)
    return parameters


def _check_parameter(name: str, value: str) -> None:
    if name not in _PARAMETERS:
        raise DatabaseUrlError(f"{_shown(name)} is no parameter that all commands can honour: leave it out")
    allowed = _PARAMETERS[name]
    if allowed is not None and value not in allowed:
        raise DatabaseUrlError(f"{name} must be one of {', '.join(sorted(allowed))}")
    if name == "connect_timeout" and not re.fullmatch(r"[1-9][0-9]{0,3}", value):
        raise DatabaseUrlError("connect_timeout must be a number of seconds, 1 to 9999")
    # libpq goes on without some of these files, for example without checking a certificate.
    is_file = name in _FILES and (name, value) != ("sslrootcert", _SYSTEM)
    if is_file and (reason := unreadable(value)) is not None:
        raise DatabaseUrlError(f"the file of {name} cannot be read ({reason})")


def _check_together(parameters: dict[str, str]) -> None:
    if parameters.get("sslrootcert") == _SYSTEM and parameters.setdefault("sslmode", "verify-full") != "verify-full":
        raise DatabaseUrlError("sslrootcert=system needs sslmode=verify-full")
    if parameters.get("sslrootcert") == _SYSTEM and parameters.keys() & _NOT_WITH_SYSTEM:
        raise DatabaseUrlError(f"sslrootcert=system goes without {', '.join(_NOT_WITH_SYSTEM)}")
    if parameters.get("sslnegotiation") == "direct" and parameters.get("sslmode") not in {
        "require",
        "verify-ca",
        "verify-full",
    }:
        raise DatabaseUrlError("sslnegotiation=direct needs sslmode=require, verify-ca or verify-full")


def _servers(written: str, given: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    if not written:
        hosts = [_decoded(each, "host") for each in given.get("host", "").split(",")] if "host" in given else []
        return _check_hosts(hosts), _ports(given, len(hosts))
    if "@" in written:
        raise DatabaseUrlError("a character of the user or the password needs an escape: write an @ as %40")
    matches = [_HOST.fullmatch(each) for each in written.split(",")]
    found = [match for match in matches if match is not None]
    if len(found) < len(matches):
        raise DatabaseUrlError("a host is malformed; in a password write a slash as %2F")
    ports = tuple(_port(match[2]) for match in found) if any(match[2] for match in found) else ()
    if "port" in given:
        if ports:
            raise DatabaseUrlError("port is given twice")
        ports = _ports(given, len(found))
    return _check_hosts([_decoded(match[1], "host").strip("[]") for match in found]), ports


def _check_hosts(hosts: list[str]) -> tuple[str, ...]:
    if not all(hosts):
        raise DatabaseUrlError("a host is empty")
    if any(each.startswith("@") for each in hosts):
        raise DatabaseUrlError("a socket in the abstract namespace is nothing that all commands can reach")
    return tuple(hosts)


def _ports(given: Mapping[str, str], hosts: int) -> tuple[int, ...]:
    ports = tuple(_port(each) for each in given.get("port", "").split(",")) if "port" in given else ()
    if len(ports) > 1 and len(ports) != hosts:
        raise DatabaseUrlError("there must be one port, or as many as there are hosts")
    return ports


def _port(written: str | None) -> int:
    number = int(written) if written and re.fullmatch("[0-9]{1,5}", written) else None
    if written and not (number and number < 2**16):
        raise DatabaseUrlError("a port must be a number of 1 to 65535")
    return number or _DEFAULT_PORT


def _decoded(written: str, name: str) -> str:
    # A plus sign stays a plus sign: this is not form encoding.
    try:
        decoded = unquote(written, errors="strict")
    except UnicodeDecodeError:
        decoded = None
    if decoded is None or _BROKEN_ESCAPE.search(written):
        raise DatabaseUrlError(f"{_shown(name)} has a broken escape: write a percent sign as %25")
    return decoded


def _shown(name: str) -> str:
    """Return the name, unless it may be part of a secret."""
    return name if _NAME.fullmatch(name) else "a parameter"


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container whose user has no name.
        raise DatabaseUrlError("it names no user") from None
