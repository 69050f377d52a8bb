"""The stack of one machine: PostgreSQL, Valkey, an S3 server and the simulated portal, without root or Docker.

Every server listens on a free port of 127.0.0.1 and keeps its data below one directory. The servers are children of a
supervisor process that ends them when the process that started the stack ends, however it ends.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec

from service.local.endpoints import Endpoints
from service.local.environment import python_path
from service.local.errors import LocalStackError
from service.local.supervision.messages import Reply, Request, ServerName
from service.local.supervision.pid_record import STOP_SECONDS

_STOP_SECONDS = 3 * STOP_SECONDS  # longer than the supervisor waits for the servers


class Stack:
    """The servers on one directory.

    Calls block until they are done: up to a second or so, longer if a server has to recover or will not stop.
    They may come from any thread. All raise LocalStackError.
    """

    def __init__(self, data_dir: Path, *, with_portal: bool = True) -> None:
        self.data_dir = data_dir.absolute()
        self._with_portal = with_portal
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._endpoints: Endpoints | None = None
        self._conversation = threading.Lock()

    @property
    def endpoints(self) -> Endpoints:
        """The addresses of the servers, from one start to the next stop."""
        if self._endpoints is None:
            raise LocalStackError("the stack is not running")
        return self._endpoints

    def start(self) -> None:
        """Returns when every server answers, with the data that it had at the end of the run before.

        Raises LocalStackError, with no process left behind, if another stack runs on the directory or if a server
        does not start.
        """
        if self._supervisor is not None:
            raise LocalStackError("the stack is running already")
        with contextlib.ExitStack() as undo:
            self._supervisor = self._start_supervisor()
            undo.callback(self._abandon)
            self._endpoints = self._receive().endpoints
            undo.pop_all()

    def stop(self) -> None:
        """Returns when every server has saved its data and ended. Does nothing if the stack does not run."""
        supervisor, self._supervisor, self._endpoints = self._supervisor, None, None
        if supervisor is None:
            return
        with supervisor:  # closes its pipes
            if supervisor.stdin is not None:
                supervisor.stdin.close()
            try:
                supervisor.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                supervisor.kill()
                raise LocalStackError(f"the servers in {self.data_dir} did not stop and were left behind") from None

    def stop_server(self, name: ServerName) -> None:
        """Ends one server cleanly."""
        self._ask(Request("stop", name))

    def kill_server(self, name: ServerName) -> None:
        """Ends one server, and all processes below it, with SIGKILL."""
        self._ask(Request("kill", name))

    def start_server(self, name: ServerName) -> None:
        """Starts one server that was stopped or killed, on the same port, with its data."""
        self._ask(Request("start", name))

    def pause_server(self, name: ServerName) -> None:
        """Freezes one server: it still accepts connections, as far as the system does, and answers nothing."""
        self._ask(Request("pause", name))

    def resume_server(self, name: ServerName) -> None:
        """Lets a frozen server go on."""
        self._ask(Request("resume", name))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _start_supervisor(self) -> subprocess.Popen[bytes]:
        portal = "with-portal" if self._with_portal else "without-portal"
        # -P: no modules from the current directory.
        command = [sys.executable, "-P", "-m", "service.local.supervisor", str(self.data_dir), portal]
        return subprocess.Popen(  # noqa: S603 - the command is composed here
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": python_path()},
            start_new_session=True,
        )

    def _ask(self, request: Request) -> None:
        with self._conversation:
            if self._supervisor is None or self._supervisor.stdin is None:
                raise LocalStackError("the stack is not running")
            # A supervisor that was killed cannot be written to; the missing reply then shows that it has ended.
            with contextlib.suppress(BrokenPipeError):
                self._supervisor.stdin.write(msgspec.json.encode(request) + b"\n")
            self._receive()

    def _receive(self) -> Reply:
        line = self._supervisor.stdout.readline() if self._supervisor and self._supervisor.stdout else b""
        if not line:
            raise LocalStackError(f"the supervisor of the stack in {self.data_dir} has ended unexpectedly")
        reply = msgspec.json.decode(line, type=Reply)
        if reply.error is not None:
            raise LocalStackError(reply.error)
        return reply

    def _abandon(self) -> None:
        """Stops the supervisor, also while it starts its servers and would not notice the end of its stdin."""
        if self._supervisor is not None:
            self._supervisor.terminate()
        self.stop()


@contextlib.contextmanager
def running_stack(data_dir: Path, *, with_portal: bool = True) -> Iterator[Stack]:
    """A stack that runs for the length of a `with` statement, with its data below `data_dir`, made if missing."""
    with Stack(data_dir, with_portal=with_portal) as stack:
        yield stack
