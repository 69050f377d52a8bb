"""What the operating system knows about processes and ports."""

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterable

import psutil

from service.local.errors import LocalStackError

POLL_SECONDS = 0.01

# Below the ports that Linux (from 32768) and macOS (from 49152) give to outgoing connections: while a server is down,
# no client can be given its port, nor connect to itself by trying to reach it.
_PORTS = range(20_000, 32_000)
_PORT_ATTEMPTS = 200
_PR_SET_PDEATHSIG = 1


_ENDED = frozenset({psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})


def identity_of(pid: int) -> str | None:
    """A text that no later process with the same number has; None if the process has ended.

    A process that has ended and was not yet collected by its parent counts as ended.
    """
    try:
        process = psutil.Process(pid)
        # The first thread of a process can be a zombie while others still run.
        has_ended = process.status() in _ENDED and process.num_threads() <= 1
        return None if has_ended else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


def descendants_of(pid: int) -> list[int]:
    """The processes below a process, parents before their children."""
    try:
        return [process.pid for process in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


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
    """Whether all of them ended in time. Own children count as ended before they are collected.

    `psutil.wait_procs` would collect own children, whose exit codes `subprocess` then misses.
    """
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
