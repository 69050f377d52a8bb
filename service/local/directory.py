"""The directory of a stack: its layout, who may use it, and the lock that keeps it to one stack at a time."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.local.errors import LocalStackError
from service.local.supervision.processes import POLL_SECONDS, identity_of

_LOCK_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class DataDirectory:
    """Everything that a stack keeps lies below `root`, an absolute path."""

    root: Path

    @property
    def postgres(self) -> Path:
        """Belongs to the account that PostgreSQL runs as; holds the cluster."""
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def objects(self) -> Path:
        """One directory per bucket, one file per object."""
        return self.root / "objects"

    @property
    def credentials(self) -> Path:
        return self.root / "credentials.json"

    @property
    def processes(self) -> Path:
        """The record of the processes started here, see `service.local.supervision.pid_record`."""
        return self.root / "processes"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def fresh_log(self, server: str) -> Path:
        """The path of a server's log, which does not exist yet: the log of the run before is renamed."""
        log = self.logs / f"{server}.log"
        if log.exists():
            log.replace(self.logs / f"{server}.previous.log")
        return log


def open_data_directory(path: Path) -> DataDirectory:
    """Makes what is missing, and never changes a directory that existed before.

    Raises LocalStackError if the directory belongs to another account: with files of two owners in one stack,
    neither of them could start it.
    """
    directory = DataDirectory(path.absolute())
    directory.root.parent.mkdir(parents=True, exist_ok=True)
    # Root's stack runs PostgreSQL as another account, which has to pass through; the parts below are closed to it.
    _make(directory.root, 0o711 if os.geteuid() == 0 else 0o700)
    if directory.root.stat().st_uid != os.geteuid():
        raise LocalStackError(f"{directory.root} belongs to another account: use another directory, or that account")
    for part in (directory.valkey, directory.objects, directory.logs):
        _make(part, 0o700)
    return directory


def _make(path: Path, mode: int) -> None:
    try:
        path.mkdir()
    except FileExistsError:
        return
    path.chmod(mode)  # mkdir's own mode argument is cut by the umask


@contextlib.contextmanager
def locked(directory: DataDirectory, owner: int) -> Iterator[None]:
    """Locks the directory for the stack of the process `owner`.

    Raises LocalStackError at once if a running process owns it. If the owner has died, waits until its supervisor has
    stopped the servers.
    """
    with (directory.root / "lock").open("a+") as file:
        _wait_for_lock(directory, file.fileno())
        file.truncate(0)
        file.write(f"{owner} {identity_of(owner)}")
        file.flush()
        yield


def _wait_for_lock(directory: DataDirectory, descriptor: int) -> None:
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while not _try_lock(descriptor):
        owner, _, identity = (directory.root / "lock").read_text().partition(" ")
        if identity and identity_of(int(owner)) == identity:
            raise LocalStackError(f"the stack in {directory.root} is already running, started by process {owner}")
        if time.monotonic() > deadline:
            raise LocalStackError(f"the servers of an earlier stack in {directory.root} do not stop")
        time.sleep(POLL_SECONDS)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
