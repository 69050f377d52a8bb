"""Records the processes that a stack has started, so that they can be ended if its supervisor was killed."""

import contextlib
import os
import signal
from pathlib import Path

from service.local.supervision.processes import identity_of, signal_process, signal_tree, wait_until_ended

STOP_SECONDS = 15.0
"""How long a server may take to stop by itself before it is killed."""


class PidRecord:
    """A file with one line per process: number, identity, and the signal that asks it to stop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Opened once: a server writes its own line, maybe as an account that could not open the file.
        self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def enter_self(self, stop_signal: signal.Signals) -> None:
        """Records the calling process.

        A server calls it between fork and exec, so that it never runs unrecorded.
        """
        line = f"{os.getpid()} {identity_of(os.getpid())} {int(stop_signal)}\n"
        os.write(self._descriptor, line.encode())

    def end_leftovers(self) -> None:
        """Ends the recorded processes that still run, and clears the record."""
        for line in self._path.read_text().splitlines():
            # A line that cannot be read was torn by a crash of the machine, which the process did not survive.
            with contextlib.suppress(ValueError):
                pid, identity, number = line.split()
                if identity_of(int(pid)) == identity:
                    _end(int(pid), signal.Signals(int(number)))
        self.clear()

    def clear(self) -> None:
        """Deletes all records. Call it when the processes have ended."""
        os.ftruncate(self._descriptor, 0)


def _end(pid: int, stop_signal: signal.Signals) -> None:
    signal_process(pid, stop_signal)
    signal_tree(pid, signal.SIGCONT)  # one that was paused would never see the other signal
    if not wait_until_ended([pid], STOP_SECONDS):
        wait_until_ended(signal_tree(pid, signal.SIGKILL), STOP_SECONDS)
