"""The simulated portal as a server of the stack."""

import signal
import sys
from pathlib import Path

from service.local.environment import python_path, server_environment
from service.local.probes import answers_200
from service.local.servers.server import Launch
from service.local.supervision.messages import ServerName


class SimulatedPortal:
    """`python -m service.local.simulator`. It keeps no data."""

    name: ServerName = "portal"
    stop_signal = signal.SIGTERM
    stop_seconds = 2.0

    def __init__(self, token: str) -> None:
        self._token = token

    def url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}/api/v2"

    def prepare(self, log: Path) -> None:
        """Nothing: its cases are part of the program."""

    def launch(self, port: int) -> Launch:
        # -P: no modules from the current directory.
        module = (sys.executable, "-P", "-m", "service.local.simulator")
        argv = (*module, "--host", "127.0.0.1", "--port", str(port), "--token", self._token)
        return Launch(argv, server_environment(PYTHONPATH=python_path()))

    def is_ready(self, port: int) -> bool:
        """Whether its health check answers."""
        return answers_200(port, "/_control/health", {})
