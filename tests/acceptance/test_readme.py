"""Nothing in the README is untrue when its commands are pasted."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from service.cli import main
from service.settings import Settings
from tests.support.api import Api
from tests.support.commands import REPOSITORY, run_curl, wait_until_listening
from tests.support.processes import BIN, free_port

README = (REPOSITORY / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8000"
RECEIVER = "127.0.0.1:9000"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
CODE = [text for _, text in BLOCKS] + re.findall(r"(?<!`)`([^`\n]+)`(?!`)", README)


def blocks(language: str, *, having: str) -> list[str]:
    """The blocks in a language that hold a text."""
    return [text for kind, text in BLOCKS if kind == language and having in text]


def curls(shell: str) -> list[str]:
    """The curl commands of a block."""
    return re.findall(r"curl [^|)\n]+", shell)


def for_this_run(command: str, api: Api) -> str:
    """A command with the address and the key of the service under test."""
    return command.replace(ADDRESS, api.base_url).replace("$KEY", api.api_key or "")


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = {target for code in CODE for target in re.findall(r"\bmake ([a-z-]+)", code)}

    assert {"demo", "up", "test", "help"} <= named <= targets


def test_every_subcommand_exists() -> None:
    named = {tuple(words) for code in CODE for words in re.findall(r"\bautos ([a-z]+)(?: ([a-z]+))?", code)}

    assert {("migrate", ""), ("jobs", "list"), ("jobs", "show")} <= named
    for command, subcommand in named:
        found = main.commands[command]
        if subcommand:
            assert isinstance(found, click.Group)
            assert subcommand in found.commands


def test_every_environment_variable_is_a_setting() -> None:
    settings = {field.encode_name for field in msgspec.structs.fields(Settings)}
    named = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", README))

    assert {"DATABASE_URL", "PUBLIC_URL", "PDPJ_TOKEN"} <= named <= settings


def test_what_it_calls_required_is_required() -> None:
    required = [field.encode_name for field in msgspec.structs.fields(Settings) if field.required]
    sentence = re.search(r"These have no\s+default: ([^;]+);", README)

    assert sentence is not None
    assert sorted(re.findall(r"`(\w+)`", sentence[1])) == sorted(required)


def test_every_relative_link_resolves() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]

    assert links
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


def test_it_shows_the_procfile() -> None:
    assert blocks("text", having="release: ") == [(REPOSITORY / "Procfile").read_text().rstrip("\n") + "\n"]


def test_the_lifecycle_rule_is_json() -> None:
    [shell] = blocks("sh", having="--lifecycle-configuration")
    rule = re.search(r"'(.*)'", shell, re.DOTALL)

    assert rule is not None
    [only] = msgspec.json.decode(rule[1])["Rules"]
    assert only["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


async def test_every_health_path_answers(api: Api) -> None:
    paths = {path for code in CODE for path in re.findall(r"^/health/\w+$", code)}

    assert paths == {"/health/live", "/health/ready"}
    for path in paths:
        assert (await api.get(path)).status == 200


def test_the_first_requests_answer_as_shown(api: Api) -> None:
    shells = [text for text in blocks("sh", having="curl ") if "webhook" not in text]

    assert len(shells) == 2
    for shell in shells:
        [command] = curls(shell)
        assert_shown(shell, run_curl(for_this_run(command, api)))


def assert_shown(shell: str, answer: Any) -> None:
    """The abbreviated JSON after a block names nothing that is not in the answer."""
    shown = BLOCKS[next(i for i, (_, text) in enumerate(BLOCKS) if text == shell) + 1][1]
    names = set(re.findall(r'"(\w+)":', shown))

    assert names <= {*answer, *answer["documents"][0]}
    for name in ("process_number", "total_documents"):
        assert f'"{name}": {msgspec.json.encode(answer[name]).decode()},' in shown


def test_the_webhook_example_works(api: Api, tmp_path: Path) -> None:
    [shell] = blocks("sh", having="webhook_url=")
    [ask_for_secret, request] = [for_this_run(command, api) for command in curls(shell)]
    receiver = f"127.0.0.1:{free_port()}"

    with running_receiver(tmp_path, receiver, run_curl(ask_for_secret)["secret"]) as process:
        answer = run_curl(request.replace(RECEIVER, receiver))
        assert process.stdout is not None
        printed = process.stdout.readline()

    assert_shown(shell, {**answer, "webhook_url": f"http://{RECEIVER}/"})
    assert answer["webhook_url"] == f"http://{receiver}/"
    [shown] = blocks("text", having="process.completed 0")
    assert printed == shown.splitlines(keepends=True)[0]


@contextmanager
def running_receiver(directory: Path, address: str, secret: str) -> Iterator["subprocess.Popen[str]"]:
    """The subscriber of the README, on another port."""
    [source] = blocks("python", having="serve_forever")
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
    [shell] = blocks("sh", having="sed ")
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
    [shell] = blocks("sh", having="autos jobs")
    assert f".venv/bin/{command}\n" in shell

    program, *arguments = command.split()
    done = subprocess.run(
        [BIN / program, *arguments], env=os.environ | dict(environment), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
