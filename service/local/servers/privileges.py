"""How root runs a server that refuses to run as root.

PostgreSQL then runs as another account. This account must reach the installation and the data, which may both be below
a directory that only root can enter. No permissions of directories are changed. If the account cannot reach them, it
gets one capability: to pass directories and read files (CAP_DAC_READ_SEARCH), or, in containers without that one and
for installations made under a strict umask, to ignore permissions (CAP_DAC_OVERRIDE).
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from service.local.errors import LocalStackError

_ACCOUNT_NAME = "nobody"
_CAPABILITIES = ("dac_read_search", "dac_override")
_PROBE_SECONDS = 30


class PopenIdentity(TypedDict):
    """The arguments of subprocess.Popen that set the account of the child; all None: that of the parent."""

    user: int | None
    group: int | None
    extra_groups: tuple[int, ...] | None


@dataclass(frozen=True)
class Account:
    """The account that a process runs as; by default that of its parent."""

    uid: int | None = None
    gid: int | None = None
    capability: str | None = None

    def command(self, argv: Sequence[str], *, parent_death_signal: signal.Signals) -> list[str]:
        """The command to start, which becomes `argv` under the same process number."""
        if self.capability is None:
            return list(argv)
        return [*self._setpriv(), "--pdeathsig", parent_death_signal.name, "--", *argv]

    def popen_identity(self) -> PopenIdentity:
        """Arguments of Popen for `command`. If the account has a capability, setpriv changes the account."""
        if self.uid is None or self.capability is not None:
            return {"user": None, "group": None, "extra_groups": None}
        return {"user": self.uid, "group": self.gid, "extra_groups": ()}

    def _setpriv(self) -> list[str]:
        only = f"-all,+{self.capability}"
        return [
            "setpriv",
            f"--reuid={self.uid}",
            f"--regid={self.gid}",
            "--clear-groups",
            f"--inh-caps={only}",
            f"--ambient-caps={only}",
            f"--bounding-set={only}",
            # PostgreSQL looks for its own executable with access(2), which ignores the capabilities of any account
            # but root unless this bit is set.
            "--securebits=+no_setuid_fixup",
            "--no-new-privs",
        ]


OWN_ACCOUNT = Account()


def account_for(program: Path, directory: Path) -> Account:
    """The account for a server that refuses to be root, and that keeps its data below a directory of its own.

    If this process is not root, its own account. If it is: another one that owns the directory, which is made if it
    is missing, with the least privilege by which it can run the program and enter the directory.
    Raises LocalStackError if there is no way.
    """
    if os.geteuid() != 0:
        directory.mkdir(mode=0o700, exist_ok=True)
        return OWN_ACCOUNT
    uid, gid = _owner_of(directory)
    for account in _by_privilege(uid, gid):
        if _reaches(account, program, directory):
            return account
    raise LocalStackError(
        f"PostgreSQL does not run as root, and the account {_ACCOUNT_NAME} reaches {program} and {directory} neither "
        "directly nor with setpriv and one capability: run as another account, or from directories open to it"
    )


def _owner_of(directory: Path) -> tuple[int, int]:
    directory.mkdir(mode=0o700, exist_ok=True)
    if directory.stat().st_uid == 0:  # made now, or by a start that was interrupted here
        account = _unprivileged_account()
        os.chown(directory, account.pw_uid, account.pw_gid)
    status = directory.stat()
    return status.st_uid, status.st_gid


def _unprivileged_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_ACCOUNT_NAME)
    except KeyError:
        raise LocalStackError(
            f"PostgreSQL does not run as root, and this machine has no account {_ACCOUNT_NAME}: run as another account"
        ) from None


def _by_privilege(uid: int, gid: int) -> list[Account]:
    plain = Account(uid, gid)
    if shutil.which("setpriv") is None:
        return [plain]
    return [plain, *(Account(uid, gid, capability) for capability in _CAPABILITIES)]


def _reaches(account: Account, program: Path, directory: Path) -> bool:
    enters = _output(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)])
    # A program of PostgreSQL that cannot find itself says so before it gives its version, and then fails to start.
    runs = _output(account, [str(program), "--version"])
    return enters == "" and runs is not None and runs.count("\n") == 1


def _output(account: Account, argv: Sequence[str]) -> str | None:
    """What a command writes to stdout and stderr, None if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - commands and paths of this file and its callers
            account.command(argv, parent_death_signal=signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            timeout=_PROBE_SECONDS,
            check=True,
            **account.popen_identity(),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")
