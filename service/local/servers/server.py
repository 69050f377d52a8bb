"""One server of the stack as a child process: started, awaited, stopped, killed, paused."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from service.local.errors import LocalStackError, last_line
from service.local.servers.privileges import OWN_ACCOUNT, Account
from service.local.supervision.messages import ServerName
from service.local.supervision.pid_record import STOP_SECONDS, PidRecord
from service.local.supervision.processes import (
    POLL_SECONDS,
    die_with_parent,
    free_ports,
    signal_tree,
    wait_until_ended,
)

_READY_SECONDS = 60.0  # PostgreSQL replays its log after a crash before it answers
_START_ATTEMPTS = 3


@dataclass(frozen=True)
class Launch:
    """A command that becomes a server and stays in the foreground."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    standard_input: bytes = b""
    account: Account = OWN_ACCOUNT


class Server(Protocol):
    """What differs from one server to the next."""

    @property
    def name(self) -> ServerName: ...

    @property
    def stop_signal(self) -> signal.Signals:
        """The signal that makes it save its data and end without waiting for its clients."""

    @property
    def stop_seconds(self) -> float:
        """How many seconds that may take; then it is killed."""

    def url(self, port: int) -> str:
        """Where clients reach it, with the credentials if they are part of a URL."""

    def prepare(self, log: Path) -> None:
        """Makes what must exist before the first launch; output of commands goes to the log."""

    def launch(self, port: int) -> Launch: ...

    def is_ready(self, port: int) -> bool:
        """Checks it once, without waiting. False too if another program answers on that port."""


class ServerProcess:
    """A server, its port, and the process that runs it now."""

    def __init__(self, server: Server, *, port: int, log: Path, pid_record: PidRecord) -> None:
        self._port = port
        self._server = server
        self._log = log
        self._pid_record = pid_record
        self._process: subprocess.Popen[bytes] | None = None
        self._stop_by = 0.0  # of time.monotonic()

    @property
    def url(self) -> str:
        """Where clients reach it now."""
        return self._server.url(self._port)

    def prepare(self) -> None:
        """Makes what must exist before the first launch. Raises LocalStackError if it cannot."""
        self._server.prepare(self._log)

    def spawn(self) -> None:
        """Starts the process without waiting for the server in it. Does nothing if it runs."""
        if self._running() is not None:
            return
        launch = self._server.launch(self._port)
        with self._log.open("ab") as log:
            self._process = self._popen(launch, log.fileno())
        if self._process.stdin is not None:
            # If it has ended already, `wait_until_ready` notices.
            with contextlib.suppress(BrokenPipeError), self._process.stdin as standard_input:
                standard_input.write(launch.standard_input)

    def _popen(self, launch: Launch, log: int) -> subprocess.Popen[bytes]:
        def before_exec() -> None:
            die_with_parent(self._server.stop_signal)
            self._pid_record.enter_self(self._server.stop_signal)

        return subprocess.Popen(  # noqa: S603 - the command is composed here, of paths of this installation
            launch.account.command(launch.argv, parent_death_signal=self._server.stop_signal),
            stdin=subprocess.PIPE if launch.standard_input else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(launch.environment),
            cwd="/",
            preexec_fn=before_exec,  # noqa: PLW1509 - the supervisor has one thread only
            **launch.account.popen_identity(),
        )

    def wait_until_ready(self, *, may_move: bool) -> None:
        """Returns when the server answers.

        A server that ends before that is started again a few times, on another port if `may_move`: another program may
        have taken its port since it was chosen. Raises LocalStackError if that does not help.
        """
        for _ in range(_START_ATTEMPTS):
            if self._answers_before_it_ends():
                return
            if may_move:
                [self._port] = free_ports(1)
            self.spawn()
        if not self._answers_before_it_ends():
            reason = last_line(self._log)
            raise LocalStackError(f"{self._server.name} ends before it answers ({reason}); its log is {self._log}")

    def _answers_before_it_ends(self) -> bool:
        deadline = time.monotonic() + _READY_SECONDS
        while self._running() is not None:
            if self._server.is_ready(self._port):
                # Checked again: the answer may have come from the program that took the port from a server that ended.
                return self._running() is not None
            if time.monotonic() > deadline:
                raise LocalStackError(f"{self._server.name} runs but does not answer; its log is {self._log}")
            time.sleep(POLL_SECONDS)
        return False

    def ask_to_stop(self) -> None:
        """Begins a clean stop and returns at once."""
        self._stop_by = time.monotonic() + self._server.stop_seconds
        process = self._running()
        if process is not None:
            process.send_signal(self._server.stop_signal)
            signal_tree(process.pid, signal.SIGCONT)  # a paused process would not see the signal before

    def wait_until_stopped(self) -> None:
        """Returns when the process that was asked to stop has ended; kills it when its time is over."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, self._stop_by - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._kill(self._process)

    def stop(self) -> None:
        """Ends the server cleanly, with its data saved."""
        self.ask_to_stop()
        self.wait_until_stopped()

    def kill(self) -> None:
        """SIGKILL to the process and all below it, as when the machine loses power; returns when they have ended."""
        self._kill(self._require_running())

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        _, *below = signal_tree(process.pid, signal.SIGKILL)
        process.wait()
        # Not children of this process; PostgreSQL does not start as long as one of them runs.
        if not wait_until_ended(below, STOP_SECONDS):
            raise LocalStackError(f"{self._server.name} leaves processes behind that survive SIGKILL: {below}")

    def pause(self) -> None:
        """SIGSTOP to the process and all below it: connections stay open and nothing answers."""
        signal_tree(self._require_running().pid, signal.SIGSTOP)

    def resume(self) -> None:
        signal_tree(self._require_running().pid, signal.SIGCONT)

    def start(self) -> None:
        """Starts a server that was stopped or killed, on the port that it had."""
        self.spawn()
        self.wait_until_ready(may_move=False)

    def _running(self) -> subprocess.Popen[bytes] | None:
        return self._process if self._process is not None and self._process.poll() is None else None

    def _require_running(self) -> subprocess.Popen[bytes]:
        process = self._running()
        if process is None:
            raise LocalStackError(f"{self._server.name} is not running")
        return process
