"""The Dockerfile, as far as it can be read. test_container.py of tests/acceptance starts its processes."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from service.cli import COMMANDS, LOCAL_COMMANDS
from tests.support.processes import REPOSITORY
from tests.support.servers.container import arguments, copies, copy_files, exec_form, instructions, is_ignored

#: The name of each process with its command.
PROCFILE = dict(line.split(": ", 1) for line in (REPOSITORY / "Procfile").read_text().splitlines())
START = (REPOSITORY / "container" / "start").read_text()
SECRET = (
    ".env",
    ".autos/up/api-key",
    ".git/config",
    "tests/conftest.py",
    "docs/operating.md",
    ".venv/bin/pip",
)


def test_every_process_of_the_procfile_can_be_chosen_by_its_name() -> None:
    named = re.search(r"^  (\w+(?: \| \w+)*)\) eval ", START, re.MULTILINE)

    assert named is not None
    assert named[1].split(" | ") == list(PROCFILE)
    assert exec_form("CMD")[0] in PROCFILE


def test_it_starts_without_a_shell_that_would_keep_signals_to_itself() -> None:
    assert exec_form("ENTRYPOINT") == ["start"]
    commands = [line for line in START.splitlines() if re.search(r"\) |^exec", line)]
    assert commands
    assert all(re.search(r'\) (eval ")?exec ', command) for command in commands)


def test_it_installs_the_lock_file_with_hashes_and_nothing_else() -> None:
    [install] = [line for line in arguments("RUN") if "pip" in line]

    assert "--require-hashes" in install.split()
    assert re.findall(r"-r (\S+)", install) == ["requirements.lock"]
    assert [word for word in install.split("install ")[1].split() if not word.startswith("-")] == [
        "ignore",  # of --root-user-action
        ":all:",  # of --only-binary
        "requirements.lock",
    ]


def test_it_runs_as_somebody_else_than_root() -> None:
    names = [name for name, _ in instructions()]
    [user] = arguments("USER")

    assert int(user) > 0
    assert set(names[names.index("USER") :]) <= {"USER", "EXPOSE", "ENTRYPOINT", "CMD"}
    assert any(line.startswith("useradd") and f"--uid {user} " in line for line in arguments("RUN"))


def test_the_base_is_named_and_its_python_is_one_that_the_package_allows() -> None:
    assert arguments("FROM") == ["python:3.11-slim"]
    assert 'requires-python = ">=3.11"' in (REPOSITORY / "pyproject.toml").read_text()


def test_everything_that_is_copied_is_there_and_not_ignored() -> None:
    for source, _ in copies():
        assert (REPOSITORY / source).exists(), source
        assert not is_ignored(source.rstrip("/")), source
    assert not is_ignored("service/api/health.py")
    assert is_ignored("service/local/up.py")


def test_everything_else_stays_out() -> None:
    sources = {source.rstrip("/") for source, _ in copies()}
    inside = {path.name for path in REPOSITORY.iterdir() if not is_ignored(path.name)}

    assert inside == sources
    assert [path for path in SECRET if not is_ignored(path)] == []
    assert is_ignored("service/api/__pycache__")


def test_the_programs_of_the_image_may_be_executed() -> None:
    for program in (REPOSITORY / "container").iterdir():
        assert program.stat().st_mode & 0o111 == 0o111, program
    listed = subprocess.run(
        ["git", "ls-files", "--stage", "container"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    assert [line for line in listed if not line.startswith("100755")] == []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working directory of the image."""
    return copy_files(tmp_path_factory.mktemp("image"))


def run(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    # -S: this environment has a hook that finds modules of the checkout; the image has none.
    command = [sys.executable, "-S", *words]
    environment = {"PYTHONPATH": os.pathsep.join([str(home), sysconfig.get_path("purelib")])}
    return subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)


def test_its_processes_and_commands_need_no_local_servers(home: Path) -> None:
    assert not (home / "service" / "local").exists()
    loaded = run(home, "-c", "import service.app, worker.main; print(service.__file__)")
    shown = run(home, "-m", "service.cli", "--help")

    assert (loaded.stderr, Path(loaded.stdout.strip())) == ("", home / "service" / "__init__.py")
    assert (shown.stderr, shown.returncode) == ("", 0)
    listed = {line.split()[0] for line in shown.stdout.partition("Commands:")[2].splitlines() if line.strip()}
    assert listed == COMMANDS.keys() - {"demo", "simulate", "up"}


@pytest.mark.parametrize("name", sorted(LOCAL_COMMANDS))
def test_a_command_that_needs_local_servers_says_what_is_missing(home: Path, name: str) -> None:
    refused = run(home, "-m", "service.cli", name, "--data", "anywhere")

    assert refused.returncode == 1
    assert refused.stderr == (
        f"Error: `autos {name}` needs service.local, which this installation leaves out."
        f" Run {LOCAL_COMMANDS[name]} in a checkout of the repository.\n"
    )
