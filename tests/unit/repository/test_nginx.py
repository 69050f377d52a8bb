"""The configuration for nginx in `docs/operating.md`."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from service.api.framework.operations import OperationRoute
from service.api.routes import ROUTES
from service.http.protocol import BoundedHttpProtocol
from tests.support.pages import Page

CONFIGURATION = Page("docs/operating.md").one("nginx", having="upstream autos")
#: A second POST or PUT to these finds the job or the monitor of the first, or asks the portal once more.
REPEATABLE = {"search", "monitor", "download-documents", "download-document", "download-all-documents"}


def test_its_blocks_and_directives_are_whole() -> None:
    code = re.sub(r"#.*", "", CONFIGURATION)

    assert code.count("{") == code.count("}")
    lines = [line.strip() for line in code.splitlines() if line.strip()]
    assert [line for line in lines if not line.endswith(("{", "}", ";"))] == []


def test_it_lets_go_of_idle_connections_before_the_api_does() -> None:
    (seconds,) = re.findall(r"keepalive_timeout (\d+)s;", CONFIGURATION)

    assert int(seconds) < BoundedHttpProtocol.keep_alive


def test_it_never_leaves_a_server_out() -> None:
    assert re.findall(r"server [\d.:]+(.*);", CONFIGURATION) == [" max_fails=0"] * 2


def test_only_what_may_be_done_twice_is_asked_for_twice() -> None:
    repeated = re.findall(
        r"location (\S+) \{\n\s+proxy_pass \S+\n\s+proxy_next_upstream .*non_idempotent", CONFIGURATION
    )

    assert repeated == ["/api/v1/processes"]
    below = [each for each in ROUTES if isinstance(each, OperationRoute) and each.path.startswith(repeated[0])]
    posts = {route.path for route in below if set(route.operations) - {"GET"}}
    assert {next(word for word in path.split("/")[4:] if not word.startswith("{")) for path in posts} <= REPEATABLE
    assert CONFIGURATION.count("non_idempotent") == 1


def test_metrics_are_closed_and_events_are_not_buffered() -> None:
    assert re.search(r"location = /metrics \{\s+return 404;", CONFIGURATION)
    assert re.search(r"/events\$ \{[^}]+proxy_buffering off;", CONFIGURATION)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed here")
def test_nginx_accepts_it(tmp_path: Path) -> None:
    plain = re.sub(r"(?m)^ +(ssl_certificate.*|listen \[::\].*)$", "", CONFIGURATION).replace(
        "443 ssl", "127.0.0.1:8443"
    )
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{plain}\n}}\n")

    tried = subprocess.run(
        ["nginx", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert tried.returncode == 0, tried.stderr
