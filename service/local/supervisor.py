"""`python -m service.local.supervisor DIRECTORY with-portal|without-portal`: the parent of the servers.

It runs for as long as its stdin is open: until the process that started the stack ends, however it ends. Then it stops
the servers and ends. It has a session of its own, so Ctrl-C in a terminal reaches neither it nor the servers.
Requests come over stdin and replies go to stdout, see `service.local.supervision.messages`.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType

import msgspec

from service.local.credentials import Credentials, load_or_create_credentials
from service.local.directory import DataDirectory, locked, open_data_directory
from service.local.endpoints import Endpoints
from service.local.errors import LocalStackError
from service.local.servers.object_server import REGION, ObjectServer
from service.local.servers.portal_server import SimulatedPortal
from service.local.servers.postgres import Postgres, find_programs
from service.local.servers.server import Server, ServerProcess
from service.local.servers.valkey import Valkey
from service.local.supervision.messages import Action, Reply, Request, ServerName
from service.local.supervision.pid_record import PidRecord
from service.local.supervision.processes import free_ports

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Supervisor:
    """The processes of one stack."""

    def __init__(self, processes: Mapping[ServerName, ServerProcess], credentials: Credentials) -> None:
        self._processes = processes
        self._credentials = credentials

    def start_all(self) -> None:
        """Returns when all of them answer. Raises LocalStackError if one does not."""
        for process in self._processes.values():
            process.prepare()
            process.spawn()
        for process in self._processes.values():
            process.wait_until_ready(may_move=True)

    def stop_all(self) -> None:
        """Asks all to stop at once, and kills those that do not in their time."""
        for process in self._processes.values():
            process.ask_to_stop()
        for process in self._processes.values():
            process.wait_until_stopped()

    def endpoints(self) -> Endpoints:
        """The current addresses and the credentials."""
        urls = {name: process.url for name, process in self._processes.items()}
        return Endpoints(
            database_url=urls["postgres"],
            redis_url=urls["valkey"],
            s3_endpoint_url=urls["s3"],
            s3_access_key_id=self._credentials.s3_access_key_id,
            s3_secret_access_key=self._credentials.s3_secret_access_key,
            s3_region=REGION,
            portal_url=urls.get("portal"),
            portal_token=self._credentials.portal_token if "portal" in urls else None,
        )

    def perform(self, request: Request) -> Reply:
        """Performs the request. If it fails, the reply holds the error."""
        process = self._processes.get(request.server)
        if process is None:
            return Reply(error=f"this stack runs without {request.server}")
        actions: dict[Action, Callable[[], None]] = {
            "start": process.start,
            "stop": process.stop,
            "kill": process.kill,
            "pause": process.pause,
            "resume": process.resume,
        }
        try:
            actions[request.action]()
        except LocalStackError as error:
            return Reply(error=str(error))
        return Reply()


@contextlib.contextmanager
def _running_servers(root: Path, *, with_portal: bool) -> Iterator[Supervisor]:
    directory = open_data_directory(root)
    with locked(directory, owner=os.getppid()):
        pid_record = PidRecord(directory.processes)
        pid_record.end_leftovers()
        credentials = load_or_create_credentials(directory.credentials)
        servers = _servers(directory, credentials, with_portal=with_portal)
        supervisor = Supervisor(_processes(servers, directory, pid_record), credentials)
        try:
            supervisor.start_all()
            yield supervisor
        finally:
            for number in _ENDING_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            supervisor.stop_all()
            pid_record.clear()


def _servers(directory: DataDirectory, credentials: Credentials, *, with_portal: bool) -> list[Server]:
    servers: list[Server] = [
        ObjectServer(directory.objects, credentials.s3_access_key_id, credentials.s3_secret_access_key),
        Valkey(directory.valkey, credentials.valkey_password),
        # Last: the others start while it makes its cluster.
        Postgres(directory.postgres, credentials.postgres_password, find_programs()),
    ]
    return [SimulatedPortal(credentials.portal_token), *servers] if with_portal else servers


def _processes(
    servers: list[Server], directory: DataDirectory, pid_record: PidRecord
) -> dict[ServerName, ServerProcess]:
    ports = free_ports(len(servers))
    return {
        server.name: ServerProcess(server, port=port, log=directory.fresh_log(server.name), pid_record=pid_record)
        for server, port in zip(servers, ports, strict=True)
    }


def _send(reply: Reply) -> None:
    # Unbuffered: nothing is left that the interpreter would fail to write at its end.
    os.write(sys.stdout.fileno(), msgspec.json.encode(reply) + b"\n")


def _exit_on_signal(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def main() -> None:
    """Runs until stdin ends or a signal comes."""
    root, with_portal = sys.argv[1:]
    for number in _ENDING_SIGNALS:
        signal.signal(number, _exit_on_signal)
    # The process that reads the replies may have died: then stdin has ended as well.
    with contextlib.suppress(BrokenPipeError):
        _converse(Path(root), with_portal=with_portal == "with-portal")


def _converse(root: Path, *, with_portal: bool) -> None:
    try:
        with _running_servers(root, with_portal=with_portal) as supervisor:
            _send(Reply(endpoints=supervisor.endpoints()))
            for line in sys.stdin.buffer:
                _send(supervisor.perform(msgspec.json.decode(line, type=Request)))
    except LocalStackError as error:
        _send(Reply(error=str(error)))
    except OSError as error:
        _send(Reply(error=f"{error.filename or root}: {error.strerror}"))


if __name__ == "__main__":
    main()
