"""What the operating system knows about processes and ports. Linux only; elsewhere no process is recognised."""

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from service.local.errors import LocalStackError

POLL_SECONDS = 0.01

# Below the ports that Linux (from 32768) and macOS (from 49152) give to outgoing connections: while a server is down,
# no client can be given its port, nor connect to itself by trying to reach it.
_PORTS = range(20_000, 32_000)
_PORT_ATTEMPTS = 200
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class _Status:
    state: str
    parent: int
    threads: int
    started: str  # in clock ticks since the machine was started


def _status_of(pid: int) -> _Status | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name in parentheses may hold spaces and parentheses
    return _Status(state=fields[0], parent=int(fields[1]), threads=int(fields[17]), started=fields[19])


def identity_of(pid: int) -> str | None:
    """A text that no later process with the same number has; None if the process has ended.

    A process that has ended and was not yet collected by its parent counts as ended.
    """
    status = _status_of(pid)
    # The first thread of a process can be a zombie while others still run.
    if status is None or (status.state in {"Z", "X"} and status.threads <= 1):
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{status.started}"


def descendants_of(pid: int) -> list[int]:
    """The processes below a process, parents before their children."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        status = _status_of(int(entry.name))
        if status is not None:
            children.setdefault(status.parent, []).append(int(entry.name))
    found: list[int] = []
    pending = [pid]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += below
    return found


def signal_tree(pid: int, number: signal.Signals) -> list[int]:
    """Signals a process, then all below it; returns them all."""
    signal_process(pid, number)  # first, so that it can start no more of them
    below = descendants_of(pid)
    for one in below:
        signal_process(one, number)
    return [pid, *below]


def signal_process(pid: int, number: signal.Signals) -> None:
    """Signals one process, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_until_ended(pids: Iterable[int], seconds: float) -> bool:
    """Whether all of them ended in time. Own children count as ended before they are collected."""
    deadline = time.monotonic() + seconds
    remaining = list(pids)
    while remaining := [pid for pid in remaining if identity_of(pid) is not None]:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def die_with_parent(number: signal.Signals) -> None:
    """Asks Linux to signal this process when its parent ends, however it ends. Does nothing on other systems."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number))


def free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 on which nothing listens now.

    Another process can take one before it is used: the caller must be ready to ask again.
    """
    with contextlib.ExitStack() as listeners:
        return [_bind_free_port(listeners) for _ in range(count)]


def _bind_free_port(listeners: contextlib.ExitStack) -> int:
    for _ in range(_PORT_ATTEMPTS):
        port = secrets.choice(_PORTS)
        with contextlib.suppress(OSError):
            listeners.enter_context(socket.create_server(("127.0.0.1", port)))
            return port
    raise LocalStackError(f"no free port found on 127.0.0.1 between {_PORTS.start} and {_PORTS.stop}")
