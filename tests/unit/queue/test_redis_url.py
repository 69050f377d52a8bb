"""`REDIS_URL`: parameters that redis-py would ignore or fail with later are refused by name."""

from pathlib import Path
from typing import Any

import pytest

from service.queue.task_queue import redis_pool
from service.settings import SettingsError, load_settings
from tests.unit.repository.test_settings import GOOD, NO_FILE

TAKEN = {
    "the usual": "redis://cache:6379/0",
    "no database": "redis://cache",
    "a slash": "redis://cache:6379/",
    "escapes": "redis://us%65r:p%40ss%2Fw%25rd@cache:6379/3",
    "IPv6": "redis://[fd00::1]:6379/0",
    "a database as a parameter": "redis://cache:6379?db=2",
    "a socket": "unix:///run/redis.sock?db=1",
    "a socket with a password": "unix://user:p%40ss@/run/redis.sock",
    "TLS": "rediss://cache:6380/0?ssl_cert_reqs=none&ssl_check_hostname=false",
}
REFUSED = {
    "a misspelt parameter": ("rediss://cache/0?ssl_ca_cert=ca.pem", "ssl_ca_cert is no parameter that is known"),
    "what the service decides": ("redis://cache/0?socket_timeout=5", "socket_timeout is no parameter that is known"),
    "a piece of something else": ("redis://cache/0?Secret-1=x", "a parameter is no parameter that is known"),
    "TLS without TLS": ("redis://cache/0?ssl_cert_reqs=none", "ssl_cert_reqs needs a URL that starts with rediss://"),
    "a value that none is": ("rediss://cache/0?ssl_cert_reqs=maybe", "ssl_cert_reqs has a value that it cannot have"),
    "a database that is no number": ("redis://cache/autos", "what follows the host must be the number"),
    "the same as a parameter": ("redis://cache?db=autos", "db has a value that it cannot have"),
    "a parameter twice": ("redis://cache?db=1&db=2", "db is given twice"),
    "a database in two places": ("redis://cache/0?db=2", "db is given twice"),
    "two hosts": ("redis://one,two:6379/0", "it must name one host"),
    "a space": ("redis://:pa ss@cache/0", "a character in it needs an escape"),
    "a socket of two slashes": ("unix://run/redis.sock", "a socket is written with its whole path"),
    "a socket without a path": ("unix:///", "a socket is written with its whole path"),
    "nothing": ("unix://", "a socket is written with its whole path"),
    "a file that is not there": (
        "rediss://cache/0?ssl_ca_certs=/nonexistent/ca.pem",
        r"the file of ssl_ca_certs cannot be read \(FileNotFoundError\)",
    ),
    "a file whose name cannot be one": (
        "rediss://cache/0?ssl_ca_certs=%00",
        r"the file of ssl_ca_certs cannot be read \(ValueError\)",
    ),
    "a password that needs escapes": ("redis://:pa#ss@cache/0", "a character in it needs an escape|it is not a URL"),
    "a percent sign": ("redis://:100%@cache/0", "a character in it needs an escape"),
    "another scheme": ("http://cache/0", "it must be a URL that starts with redis://"),
}


def connect_later(url: str) -> None:
    """Raises an error for a parameter that a connection does not have."""
    pool: Any = redis_pool(load_settings(GOOD | {"REDIS_URL": url}, env_file=NO_FILE).redis_url).connection_pool
    pool.make_connection()


@pytest.mark.parametrize("url", TAKEN.values(), ids=TAKEN.keys())
def test_what_is_taken_redis_takes(url: str) -> None:
    connect_later(url)


def test_the_files_of_tls_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "file.pem"
    file.touch()
    url = f"rediss://cache/0?ssl_ca_certs={file}&ssl_certfile={file}&ssl_keyfile={file}"

    connect_later(url)


@pytest.mark.parametrize(("url", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_not_be_honoured_is_refused_by_name(url: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=rf"^REDIS_URL is malformed: ({sentence})[^\n]*$"):
        load_settings(GOOD | {"REDIS_URL": url}, env_file=NO_FILE)
