"""`autos up` from the outside: the commands that it prints work."""

import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.local.simulator.cases.samples import FEDERAL
from tests.support.commands import REPOSITORY, autos, read_until, run_curl, running_command, tree_of
from tests.support.processes import BIN, free_port

LABELS = ["Address", "Console", "API key", "Request", "Status", "Watch", "File", "Shell", "Logs", "Stop"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data directory for all runs, as a clone has."""
    return tmp_path_factory.mktemp("up")


def guide(process: "subprocess.Popen[str]") -> dict[str, str]:
    """Its output, by labels."""
    lines = read_until(process, "Stop")
    return {line[:10].strip(): line[10:] for line in lines}


def test_what_it_prints_can_be_pasted(data: Path) -> None:
    port = str(free_port())
    with running_command("up", "--data", str(data), environment={"PORT": port}) as process:
        printed = guide(process)
        assert list(printed) == LABELS
        assert printed["Address"] == f"http://127.0.0.1:{port}, asking the simulated portal"
        assert run_curl(printed["Request"])["total_documents"] == 30
        assert run_curl(printed["Status"])["process_number"] == FEDERAL
        assert "Log out" in browse(printed["Console"])
        assert "was used already" in browse(printed["Console"])
        jobs = paste(f"{printed['Shell']} && {shlex.quote(str(BIN / 'autos'))} jobs list")
        assert FEDERAL in jobs.stdout
        watch = f"Filed     Petição de exemplo.pdf, 24,000 bytes, in case {FEDERAL}\nWatch     {printed['Watch']}\n"
        assert paste(printed["File"]).stdout == watch
        assert run_curl(printed["Watch"])["every_seconds"] == 3600
        filed, check = paste(f"{printed['File']} --movement Conclusos").stdout.splitlines()
        assert filed == f"Filed     the movement 'Conclusos' in case {FEDERAL}"
        assert check.startswith("Check     next at 20")
        assert run_curl(check.partition("; now: ")[2])["process_number"] == FEDERAL
        assert run_curl(printed["Request"].replace(FEDERAL, f"{FEDERAL}?force_refresh=true"))["total_documents"] == 31
        unknown = simulate_file(data, "0000002-65.2005.4.05.8100", "--movement", "Conclusos")
        assert "the simulated portal does not know the case 0000002-65.2005.4.05.8100" in unknown.output


def test_the_key_and_the_environment_are_for_their_owner_only(data: Path) -> None:
    with running_command("up", "--data", str(data), environment={"PORT": str(free_port())}) as process:
        printed = guide(process)
        key, _, key_file = printed["API key"].partition(", kept in ")
        _, shell_file = shlex.split(printed["Shell"])

        assert Path(key_file).read_text().strip() == key
        assert {oct(Path(file).stat().st_mode & 0o777) for file in (key_file, shell_file)} == {"0o600"}
        assert all(Path(log).exists() for log in printed["Logs"].split(", "))


def test_ctrl_c_stops_it_and_the_data_are_there_again(data: Path) -> None:
    environment = {"PORT": str(free_port())}
    with running_command("up", "--data", str(data), environment=environment) as process:
        before = guide(process)
        run_curl(before["Request"])
        processes = tree_of(process)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)

    assert (process.returncode, output, errors) == (0, "Stopped\n", "")
    assert len(processes.identities) > 5
    assert processes.alive() == []
    with running_command("up", "--data", str(data), environment=environment) as process:
        after = guide(process)
        # The address of the console is a new one: it opens the console once.
        assert after.pop("Console") != before.pop("Console")
        assert after == before
        assert run_curl(after["Status"])["process_number"] == FEDERAL


def test_a_port_that_is_taken_is_named(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run_up(data, {"PORT": str(port)})

    assert done.returncode == 1
    assert done.stderr == f"Error: PORT: the api cannot listen on {port} (Address already in use)\n"


def test_a_malformed_setting_is_named(data: Path) -> None:
    done = run_up(data, {"PORT": str(free_port()), "DOWNLOAD_CONCURRENCY": "many"})

    assert done.returncode == 1
    assert re.fullmatch(r"Error: the api ended with code \d: DOWNLOAD_CONCURRENCY is malformed: .+\n", done.stderr)


def test_with_a_token_it_asks_the_real_portal(data: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/api/v2"
    environment = {"PORT": str(free_port()), "PDPJ_TOKEN": "an-invented-token", "PDPJ_BASE_URL": nobody}
    with running_command("up", "--data", str(data), environment=environment) as process:
        printed = guide(process)
        assert printed["Address"].endswith(", asking the real portal")
        request = printed["Request"].replace("<case number>", FEDERAL)
        # Kept, because the portal does not respond: nothing is known of the case, although the simulated one has it.
        assert run_curl(request)["total_documents"] == 0
        assert "File" not in printed
        assert "`autos up` asks the real portal, where nothing can be filed" in simulate_file(data, FEDERAL).output


def browse(address: str) -> str:
    """The page that a fresh profile of a browser shows at an address."""
    opener = build_opener(HTTPCookieProcessor())
    opener.addheaders = [("Accept", "text/html"), ("Accept-Language", "en")]
    try:
        with opener.open(address) as response:
            return str(response.read().decode())
    except HTTPError as refused:
        with refused:
            return refused.read().decode()


def paste(command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, check=True)


def simulate_file(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["simulate", "file", *arguments, "--data", str(data)])


def run_up(data: Path, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        autos("up", "--data", str(data)),
        cwd=REPOSITORY,
        env=os.environ | dict(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
