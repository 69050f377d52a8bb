"""The README's commands work as it says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from service.settings import Settings
from tests.support.commands import REPOSITORY, run_curl, wait_until_listening
from tests.support.http.api import Api
from tests.support.pages import ADDRESS, Page, assert_shown
from tests.support.processes import BIN, free_port

README = Page("README.md")
RECEIVER = "127.0.0.1:9000"


def curls(shell: str) -> list[str]:
    """The curl commands of a block."""
    return re.findall(r"curl [^|)\n]+", shell)


def for_this_run(command: str, api: Api) -> str:
    """A command with the URL and the key of the service under test."""
    return command.replace(ADDRESS, api.base_url).replace("$KEY", api.api_key or "")


def test_what_it_calls_required_is_required() -> None:
    required = [field.encode_name for field in msgspec.structs.fields(Settings) if field.required]
    sentence = re.search(r"These have no\s+default: ([^;]+);", README.text)

    assert sentence is not None
    assert sorted(re.findall(r"`(\w+)`", sentence[1])) == sorted(required)


def test_it_shows_the_procfile() -> None:
    assert README.written("text", having="release: ") == [(REPOSITORY / "Procfile").read_text().rstrip("\n") + "\n"]


def test_the_lifecycle_rule_is_json() -> None:
    [shell] = README.written("sh", having="--lifecycle-configuration")
    rule = re.search(r"'(.*)'", shell, re.DOTALL)

    assert rule is not None
    [only] = msgspec.json.decode(rule[1])["Rules"]
    assert only["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 30}


async def test_every_health_path_answers(api: Api) -> None:
    paths = {path for code in README.code for path in re.findall(r"^/health/\w+$", code)}

    assert paths == {"/health/live", "/health/ready"}
    for path in paths:
        assert (await api.get(path)).status == 200


def test_the_first_requests_answer_as_shown(api: Api) -> None:
    shells = [text for text in README.written("sh", having="curl ") if "webhook" not in text]

    assert len(shells) == 2
    for shell in shells:
        [command] = curls(shell)
        assert_shown(README.after(shell), run_curl(for_this_run(command, api)))


def test_the_webhook_example_works(api: Api, tmp_path: Path) -> None:
    [shell] = README.written("sh", having="webhook_url=")
    [ask_for_secret, request] = [for_this_run(command, api) for command in curls(shell)]
    receiver = f"127.0.0.1:{free_port()}"

    with running_receiver(tmp_path, receiver, run_curl(ask_for_secret)["secret"]) as process:
        answer = run_curl(request.replace(RECEIVER, receiver))
        assert process.stdout is not None
        printed = process.stdout.readline()

    assert_shown(README.after(shell), {**answer, "webhook_url": f"http://{RECEIVER}/"})
    assert answer["webhook_url"] == f"http://{receiver}/"
    [shown] = README.written("text", having="process.completed 0")
    assert printed == shown.splitlines(keepends=True)[0]


@contextmanager
def running_receiver(directory: Path, address: str, secret: str) -> Iterator["subprocess.Popen[str]"]:
    """The subscriber of the README, on another port."""
    [source] = README.written("python", having="serve_forever")
    host, _, port = address.partition(":")
    program = directory / "receiver.py"
    program.write_text(source.replace(repr(host).replace("'", '"') + ", 9000", f'"{host}", {port}'))
    with subprocess.Popen(
        [sys.executable, "-u", program], env=os.environ | {"SECRET": secret}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until_listening(int(port), process)
            yield process
        finally:
            process.kill()


def test_the_secret_is_cut_out_of_the_answer_as_shown(api: Api) -> None:
    [shell] = README.written("sh", having="sed ")
    [ask_for_secret, _] = [for_this_run(command, api) for command in curls(shell)]
    answer = run_curl(ask_for_secret)
    sed = re.search(r"\| *\n *(sed '[^']+')\)", shell)

    assert sed is not None
    cut = subprocess.run(
        ["/bin/sh", "-c", sed[1]],
        input=msgspec.json.encode(answer).decode(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert cut.stdout.strip() == answer["secret"]


@pytest.mark.parametrize("command", ["autos jobs list", "arq worker.main.WorkerSettings --check"])
def test_the_commands_that_look_at_jobs_work(api: Api, environment: Mapping[str, str], command: str) -> None:
    [shell] = README.written("sh", having="autos jobs")
    assert f".venv/bin/{command}\n" in shell

    program, *arguments = command.split()
    done = subprocess.run(
        [BIN / program, *arguments], env=os.environ | dict(environment), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
