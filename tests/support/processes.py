"""The processes of the service, as the Procfile starts them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from service.local.supervision.processes import free_ports

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
#: Tests ask more often than a client may; those of the limits set their own.
UNLIMITED = dict.fromkeys(("RATE_LIMIT_REQUESTS", "RATE_LIMIT_DOWNLOADS", "RATE_LIMIT_NUMBERS"), "1000000/minute")
#: For those of the limits: the figures are the same however long a process stands still.
PATIENT = {"PYTHONPATH": str(REPOSITORY / "tests" / "support" / "sitecustomize" / "patient_limits")}


class Process:
    """One process of the service. Its output goes to a file."""

    def __init__(
        self, command: list[str], environment: Mapping[str, str], log: Path, *, cwd: Path = REPOSITORY
    ) -> None:
        self.log = log
        self._begin = len(log.read_text()) if log.exists() else 0
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                cwd=cwd,
                env={"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", **UNLIMITED, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """The id of the running process."""
        return self._popen.pid

    def send(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    async def ended(self, *, timeout: float = 60) -> int:
        """Wait for the process, and return its exit code."""
        return await asyncio.to_thread(self._popen.wait, timeout)

    @property
    def said(self) -> str:
        """The output of all processes with this log."""
        return self.log.read_text()

    def has_said(self, word: str) -> bool:
        """True if this process has written a word."""
        return word in self.said[self._begin :]

    def is_running(self) -> bool:
        """True if it has not ended."""
        return self._popen.poll() is None

    async def stop(self) -> int:
        """Send SIGTERM, and return the exit code."""
        if self.is_running():
            self.send(signal.SIGTERM)
        return await self.ended()


def free_port() -> int:
    """A free port of this machine that no outgoing connection will get."""
    (port,) = free_ports(1)
    return port


async def until_it_listens(port: int) -> None:
    """Wait until a server accepts connections."""
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return


async def start_worker(environment: Mapping[str, str], log: Path) -> Process:
    """Start a worker, as the Procfile does, and wait until it takes jobs."""
    process = Process([str(BIN / "arq"), "worker.main.WorkerSettings"], environment, log)
    await until_said(process, "worker_started")
    return process


async def until_said(process: Process, word: str, *, timeout: float = 60) -> None:
    """Wait until a process has written a word."""
    async with asyncio.timeout(timeout):
        while not process.has_said(word):
            assert process.is_running(), process.said
            await asyncio.sleep(0.05)


async def start_api(environment: Mapping[str, str], log: Path) -> Process:
    """Start the API on the port of the environment, and wait until it responds."""
    command = [str(BIN / "uvicorn"), "--factory", "service.app:create_app", "--port", environment["PORT"]]
    protocol = ["--http", "service.http.protocol:BoundedHttpProtocol", "--ws", "none"]
    options = [
        "--no-access-log",
        "--no-server-header",
        "--timeout-keep-alive",
        "75",
        "--timeout-graceful-shutdown",
        "10",
    ]
    process = Process([*command, *protocol, *options], environment, log)
    await until_answered(f"http://127.0.0.1:{environment['PORT']}/health/live", process)
    return process


async def until_answered(url: str, process: Process, *, timeout: float = 60) -> None:
    """Wait until a process responds at a URL."""
    async with asyncio.timeout(timeout), aiohttp.ClientSession() as session:
        while not await _is_answered(session, url):
            assert process.is_running(), process.said
            await asyncio.sleep(0.05)


async def _is_answered(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url):
            return True
    except aiohttp.ClientConnectionError:
        return False
