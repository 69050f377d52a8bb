"""The API and a worker as child processes, against the servers of a stack.

They are started with the commands of the Procfile, and end with the process that started them, however it ends.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from service.local.directory import DataDirectory
from service.local.environment import python_path, server_environment
from service.local.errors import LocalStackError
from service.local.probes import answers_200
from service.local.supervision.exit_with_parent import KILL_DELAY
from service.local.supervision.processes import POLL_SECONDS

_READY_SECONDS = 60.0
_API = (
    *("uvicorn", "--factory", "service.app:create_app", "--host", "127.0.0.1"),
    *("--http", "service.http.protocol:BoundedHttpProtocol", "--ws", "none"),
    *("--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "5"),
)
_WORKER = ("arq", "worker.main.WorkerSettings")


class Service:
    """One process of the service; its output goes to a log of the data directory."""

    def __init__(
        self, name: str, command: tuple[str, ...], environment: Mapping[str, str], directory: DataDirectory
    ) -> None:
        self.name = name
        self.log = directory.fresh_log(name)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the command is composed here
                # -P: no modules from the current directory.
                [sys.executable, "-P", "-m", "service.local.supervision.exit_with_parent", *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=server_environment(PYTHONPATH=python_path(), PYTHONUNBUFFERED="1", **environment),
                # Not the repository: its `.env` is for the processes that its owner starts.
                cwd=directory.root,
                # Ctrl-C in a terminal is for the parent, which stops its children in their order.
                start_new_session=True,
            )

    def check(self) -> None:
        """Raises LocalStackError, with what the process said last, if it has ended."""
        code = self._process.poll()
        if code is not None:
            raise LocalStackError(f"the {self.name} ended with code {code}{self._last_words()}; its log is {self.log}")

    def ask_to_stop(self) -> None:
        """Begins a clean stop and returns at once."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def wait_until_stopped(self) -> None:
        """Returns when the process has ended. After `KILL_DELAY` it ends itself; this is for one that is frozen."""
        try:
            self._process.wait(KILL_DELAY + 1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        """What the service says before it refuses to start: one line that names a setting."""
        lines = self.log.read_text(errors="replace").splitlines()
        found = [line.partition("autos: ")[2] for line in lines if "autos: " in line]
        return f": {found[-1]}" if found else ""


@dataclass(frozen=True)
class Services:
    """Both processes, and the URL of the API."""

    url: str
    api: Service
    worker: Service

    def check(self) -> None:
        """Raises LocalStackError if one of them has ended."""
        self.api.check()
        self.worker.check()


@contextlib.contextmanager
def running_services(environment: Mapping[str, str], directory: DataDirectory, *, port: int) -> Iterator[Services]:
    """Run both for the length of a `with` statement; the API is ready when it begins.

    `environment` holds their settings. Raises LocalStackError if the API does not get ready.
    """
    url = f"http://127.0.0.1:{port}"
    settings = {**environment, "PORT": str(port)}
    with contextlib.ExitStack() as stack:
        api = Service("api", (*_API, "--port", str(port)), settings, directory)
        stack.callback(api.wait_until_stopped)
        stack.callback(api.ask_to_stop)
        _wait_until_ready(api, port)
        # After the API, which creates the bucket: if both tried at once, one would fail.
        worker = Service("worker", _WORKER, settings, directory)
        stack.callback(worker.wait_until_stopped)
        stack.callback(worker.ask_to_stop)
        stack.callback(api.ask_to_stop)  # both at once
        yield Services(url, api, worker)


def _wait_until_ready(api: Service, port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not answers_200(port, "/health/ready", {}):
        api.check()
        if time.monotonic() > deadline:
            raise LocalStackError(f"the api runs but is not ready; its log is {api.log}")
        time.sleep(POLL_SECONDS)
