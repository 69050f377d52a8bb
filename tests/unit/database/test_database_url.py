"""`DATABASE_URL`: both drivers read it in the same way, and what one of them cannot honour is refused by name."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from service.database.url import DatabaseUrlError, parse_database_url, passwords
from service.settings import SettingsError, load_database_url
from tests.unit.repository.test_settings import NO_FILE

MEANT: dict[str, tuple[str, dict[str, Any]]] = {
    "the usual": (
        "postgresql://autos:secret@db:5433/cases",
        {"hosts": ("db",), "ports": (5433,), "user": "autos", "password": "secret", "database": "cases"},
    ),
    "the other scheme": ("postgres://u@db/n", {"hosts": ("db",), "ports": (), "password": None}),
    "escapes": (
        "postgresql://us%65r:p%40%2F%3A%25@db/my%20cases",
        {"user": "user", "password": "p@/:%", "database": "my cases"},
    ),
    "what needs no escape": ("postgresql://u:p+?#[x:y@db/n", {"password": "p+?#[x:y", "hosts": ("db",)}),
    "a host in capitals": ("postgresql://u@Db.Example/n", {"hosts": ("Db.Example",)}),
    "IPv6": ("postgresql://u@[fd00::1]:5433/n", {"hosts": ("fd00::1",), "ports": (5433,)}),
    "IPv6 without a port": ("postgresql://u@[::1]/n", {"hosts": ("::1",), "ports": ()}),
    "a socket": ("postgresql://u@/n?host=/run/postgresql", {"hosts": ("/run/postgresql",), "ports": ()}),
    "a socket as a host": ("postgresql://u@%2Frun%2FPostgres:5433/n", {"hosts": ("/run/Postgres",), "ports": (5433,)}),
    "all of it as parameters": (
        "postgresql://?host=a,b&port=1,2&user=u&password=p%26q&dbname=n",
        {"hosts": ("a", "b"), "ports": (1, 2), "user": "u", "password": "p&q", "database": "n"},
    ),
    "two hosts": (
        "postgresql://u@one:5433,two/n?target_session_attrs=read-write",
        {"hosts": ("one", "two"), "ports": (5433, 5432), "parameters": {"target_session_attrs": "read-write"}},
    ),
    "one port for two hosts": ("postgresql://u@one,two/n?port=6000", {"hosts": ("one", "two"), "ports": (6000,)}),
    "options": (
        "postgresql://u@h/n?options=-csearch_path%3Dautos,public%20-cwork_mem=8MB",
        {"parameters": {"options": "-csearch_path=autos,public -cwork_mem=8MB"}},
    ),
    "a plus sign": ("postgresql://u@h/n?application_name=a+b", {"parameters": {"application_name": "a+b"}}),
    "empty values": ("postgresql://u@h/n?sslmode=&application_name=&&", {"parameters": {}}),
    "as JDBC writes it": ("postgresql://u@h/n?ssl=true", {"parameters": {"sslmode": "require"}}),
    "the authorities of the machine": (
        "postgresql://u@h/n?sslrootcert=system&sslnegotiation=direct",
        {"parameters": {"sslrootcert": "system", "sslnegotiation": "direct", "sslmode": "verify-full"}},
    ),
    "what asks for nothing": (
        "postgresql://u@h/n?gssencmode=disable&channel_binding=prefer&client_encoding=UTF8&connect_timeout=3",
        {"user": "u"},
    ),
}
REFUSED = {
    "another scheme": ("mysql://u@h/n", "it must be a URL that starts with postgresql://"),
    "a driver": ("postgresql+asyncpg://u@h/n", "it must be a URL that starts with postgresql://"),
    "a list of words": ("host=h dbname=n", "it must be a URL that starts with postgresql://"),
    "a misspelt value": ("postgresql://u@h/n?sslmode=requird", "sslmode must be one of allow, disable, "),
    "a value in capitals": ("postgresql://u@h/n?sslmode=Require", "sslmode must be one of"),
    "another driver's spelling": ("postgresql://u@h/n?sslmode=verify_full", "sslmode must be one of"),
    "a misspelt name": ("postgresql://u@h/n?sslmod=require", "sslmod is no parameter that all commands can honour"),
    "a parameter of a pool": ("postgresql://u@h/n?max_size=5", "max_size is no parameter that"),
    "what asyncpg has not": ("postgresql://u@h/n?hostaddr=127.0.0.1", "hostaddr is no parameter that"),
    "another one": ("postgresql://u@h/n?keepalives_idle=10", "keepalives_idle is no parameter that"),
    "Kerberos": ("postgresql://u@h/n?gssencmode=require", "gssencmode must be one of disable, prefer"),
    "channel binding": ("postgresql://u@h/n?channel_binding=require", "channel_binding must be one of disable, prefer"),
    "an encoding": ("postgresql://u@h/n?client_encoding=LATIN1", "client_encoding must be one of"),
    "a server that takes no writes": (
        "postgresql://u@h/n?target_session_attrs=prefer-standby",
        "target_session_attrs must be one of any, primary, read-write",
    ),
    "a parameter twice": ("postgresql://u@h/n?sslmode=require&sslmode=disable", "sslmode is given twice"),
    "TLS twice": ("postgresql://u@h/n?ssl=true&sslmode=disable", "sslmode is given twice"),
    "two places for the host": ("postgresql://u@h/n?host=g", "host is given twice"),
    "two places for the port": ("postgresql://u@h:1/n?port=2", "port is given twice"),
    "two places for the name": ("postgresql://u@h/n?dbname=m", "dbname is given twice"),
    "two places for the password": ("postgresql://u:p@h/n?password=q", "password is given twice"),
    "no value": ("postgresql://u@h/n?sslmode", "a parameter has no value"),
    "a piece of something else": ("postgresql://u@h/n?Secret-1=x", "a parameter is no parameter that"),
    "a broken escape": ("postgresql://u:100%@h/n", "password has a broken escape"),
    "an escape of half a character": ("postgresql://u:%C3@h/n", "password has a broken escape"),
    "an escaped NUL": ("postgresql://u@h/n%00", "dbname has a broken escape"),
    "a port that is none": ("postgresql://u@h:http/n", "a host is malformed"),
    "a port beyond all ports": ("postgresql://u@h:65536/n", "a port must be a number"),
    "port 0": ("postgresql://u@h:0/n", "a port must be a number"),
    "IPv6 without brackets": ("postgresql://u@fd00::1/n", "a host is malformed"),
    "an open bracket": ("postgresql://u@[fd00::1/n", "a host is malformed"),
    "an @ in a password": ("postgresql://u:p@ss@h/n", "a character of the user or the password needs an escape"),
    "an @ in a user": ("postgresql://u@x.example@h/n", "a character of the user or the password needs an escape"),
    "a slash in a password": ("postgresql://u:p/x@h/n", "a host is malformed; in a password write a slash as %2F"),
    "an empty host": ("postgresql://u@one,/n", "a host is empty"),
    "a user without a host": ("postgresql://u@one,:5432/n", "a host is empty"),
    "ports for other hosts": ("postgresql://u@/n?host=a,b,c&port=1,2", "there must be one port, or as many"),
    "a socket without a file": ("postgresql://u@/n?host=@autos", "a socket in the abstract namespace"),
    "no seconds": ("postgresql://u@h/n?connect_timeout=soon", "connect_timeout must be a number of seconds"),
    "for ever": ("postgresql://u@h/n?connect_timeout=0", "connect_timeout must be a number of seconds"),
    "a file that is not there": (
        "postgresql://u@h/n?sslrootcert=/nonexistent/ca.pem",
        r"the file of sslrootcert cannot be read \(FileNotFoundError\)",
    ),
    "no key": ("postgresql://u@h/n?sslkey=/nonexistent", "the file of sslkey cannot be read"),
    "TLS of no version": ("postgresql://u@h/n?ssl_min_protocol_version=1.2", "ssl_min_protocol_version must be one of"),
    "authorities without a check": (
        "postgresql://u@h/n?sslrootcert=system&sslmode=require",
        "sslrootcert=system needs",
    ),
    "what goes without": (
        "postgresql://u@h/n?sslrootcert=system&ssl_min_protocol_version=TLSv1.3",
        "sslrootcert=system goes without",
    ),
    "TLS at once, perhaps": ("postgresql://u@h/n?sslnegotiation=direct", "sslnegotiation=direct needs sslmode=require"),
}


@pytest.mark.parametrize(("url", "meant"), MEANT.values(), ids=MEANT.keys())
def test_a_url_has_one_meaning(url: str, meant: dict[str, Any]) -> None:
    found = parse_database_url(url, {})

    assert {name: getattr(found, name) for name in meant} == meant


@pytest.mark.parametrize(("url", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_not_all_commands_can_honour_is_refused_by_name(url: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=rf"^DATABASE_URL is malformed: {sentence}[^\n]*$") as caught:
        load_database_url({"DATABASE_URL": url}, env_file=NO_FILE)

    assert not [part for part in ("Secret", "requird", "nonexistent", "100%") if part in str(caught.value)]


def test_what_libpq_takes_from_the_environment_counts_for_all(tmp_path: Path) -> None:
    environ = {"PGOPTIONS": "-csearch_path=one", "PGAPPNAME": "name", "PGCONNECT_TIMEOUT": "7"}
    found = parse_database_url("postgresql://u@h/n?options=-csearch_path%3Dtwo", environ)

    assert found.parameters == {
        "options": "-csearch_path=two",
        "application_name": "name",
        "connect_timeout": "7",
    }
    with pytest.raises(DatabaseUrlError, match="connect_timeout"):
        parse_database_url("postgresql://u@h/n", {"PGCONNECT_TIMEOUT": "-1"})


def test_libpq_knows_every_parameter_that_is_let_through(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    files = "&".join(f"{name}={file}" for name in ("sslcert", "sslkey", "sslrootcert", "sslcrl", "passfile"))
    rest = "sslmode=verify-ca&sslnegotiation=direct&sslpassword=x&ssl_max_protocol_version=TLSv1.3&options=-cx=y"
    more = "gssencmode=prefer&channel_binding=disable&client_encoding=UTF8&connect_timeout=3&target_session_attrs=any"

    parameters = parse_database_url(f"postgresql://u@h/n?{files}&{rest}&{more}", {}).for_psycopg(application_name="x")

    # Raises an error for unknown parameters.
    read = psycopg.conninfo.conninfo_to_dict(psycopg.conninfo.make_conninfo(**parameters))
    assert len(read) == len(parameters) == 16


def test_every_spelling_of_a_password_is_known_to_the_logs() -> None:
    assert set(passwords("postgresql://u:p%40ss@h/n?sslpassword=k%65y")) == {"p%40ss", "p@ss", "k%65y", "key"}
    assert set(passwords("postgresql://u@h/n?password=p%40ss")) == {"p%40ss", "p@ss"}
    assert passwords("postgresql://u@h/n") == ()
