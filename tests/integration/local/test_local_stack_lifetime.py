"""The servers of a stack when a process around them is killed, and who may run them."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from service.local.errors import LocalStackError
from service.local.servers.postgres import Postgres, find_programs
from service.local.servers.server import ServerProcess
from service.local.stack import Stack, running_stack
from service.local.supervision.pid_record import PidRecord
from service.local.supervision.processes import (
    descendants_of,
    free_ports,
    identity_of,
    signal_process,
    wait_until_ended,
)
from tests.support.servers.local_stack import (
    command_lines,
    execute,
)

END_SECONDS = 30.0
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")

HOLD_A_STACK = """
import signal, sys
from pathlib import Path
from service.local.stack import running_stack
with running_stack(Path(sys.argv[1]), with_portal=False):
    print("running", flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def spare_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a stopped stack, whose next start is short."""
    directory = tmp_path_factory.mktemp("spare-stack") / "data"
    with running_stack(directory, with_portal=False):
        return directory


@contextlib.contextmanager
def held_stack(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs a stack until it is ended, in its own process group as in a terminal."""
    command = [sys.executable, "-c", HOLD_A_STACK, str(data_dir)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "running\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_server_outlives_the_process_that_started_it(spare_directory: Path, number: signal.Signals) -> None:
    with held_stack(spare_directory) as process:
        servers = descendants_of(process.pid)
        assert "bin/postgres" in command_lines(servers)
        assert os.getsid(process.pid) not in [os.getsid(pid) for pid in servers]  # Ctrl-C reaches only its group
        os.killpg(process.pid, number)
        process.wait(END_SECONDS)
        assert wait_until_ended(servers, END_SECONDS)
    log = (spare_directory / "logs" / "postgres.log").read_text()
    assert "database system is shut down" in log


def test_a_stack_waits_for_the_servers_of_a_process_that_has_died(spare_directory: Path) -> None:
    with held_stack(spare_directory) as process, ThreadPoolExecutor() as pool:
        supervisor, *_ = descendants_of(process.pid)
        signal_process(supervisor, signal.SIGSTOP)
        process.kill()
        process.wait(END_SECONDS)
        stack = Stack(spare_directory, with_portal=False)
        start = pool.submit(stack.start)
        try:
            assert wait([start], timeout=1).not_done == {start}
        finally:
            signal_process(supervisor, signal.SIGCONT)
        start.result(END_SECONDS)
        stack.stop()


def kill_what_is_left(identities: dict[int, str | None]) -> None:
    for pid, identity in identities.items():
        if identity_of(pid) == identity:
            signal_process(pid, signal.SIGKILL)


def test_servers_whose_supervisor_was_killed_are_ended_by_the_next_start(spare_directory: Path) -> None:
    with held_stack(spare_directory) as process, contextlib.ExitStack() as undo:
        supervisor, *servers = descendants_of(process.pid)
        undo.callback(kill_what_is_left, {pid: identity_of(pid) for pid in servers})
        for pid in servers:
            signal_process(pid, signal.SIGSTOP)  # so that they do not end with their parent
        signal_process(supervisor, signal.SIGKILL)
        process.kill()
        assert wait_until_ended([supervisor], END_SECONDS)
        assert not wait_until_ended(servers, 0)
        with running_stack(spare_directory, with_portal=False):
            assert wait_until_ended(servers, 0)


def test_a_process_that_merely_has_the_number_of_an_earlier_server_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        (tmp_path / "processes").write_text(f"{bystander.pid} 1.00 {int(signal.SIGTERM)}\n")
        PidRecord(tmp_path / "processes").end_leftovers()
        assert bystander.poll() is None
        bystander.kill()


def test_a_server_that_cannot_start_is_named_with_its_log_and_nothing_is_left_running(spare_directory: Path) -> None:
    (spare_directory / "postgres" / "cluster" / "global" / "pg_control").rename(spare_directory / "pg_control")
    try:
        with pytest.raises(LocalStackError) as failed:
            Stack(spare_directory).start()
    finally:
        (spare_directory / "pg_control").rename(spare_directory / "postgres" / "cluster" / "global" / "pg_control")
    assert str(failed.value).startswith("postgres ends before it answers")
    assert str(failed.value).endswith(f"its log is {spare_directory / 'logs' / 'postgres.log'}")
    assert "\n" not in str(failed.value)
    assert str(spare_directory) not in command_lines(descendants_of(os.getpid()))


@AS_ROOT
def test_root_runs_a_stack_below_a_directory_closed_to_others_and_leaves_it_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    modes = modes_of(closed, *closed.parents, Path(sys.prefix), *Path(sys.prefix).parents)
    with running_stack(closed / "data", with_portal=False) as running:
        assert execute(running.endpoints, "SELECT 1") == [(1,)]
        assert (closed / "data" / "postgres" / "cluster").stat().st_uid != 0
    assert modes_of(*modes) == modes


@AS_ROOT
@pytest.mark.parametrize("permissions", ["as installed", "for the owner only"])
def test_root_runs_an_installation_below_a_directory_closed_to_others(tmp_path: Path, permissions: str) -> None:
    installed = find_programs().parents[1]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for name in (installed.name, f"{installed.name}.libs"):
        shutil.copytree(installed.with_name(name), closed / name, symlinks=True)
    if permissions == "for the owner only":
        for path in closed.rglob("*"):
            path.chmod(path.stat().st_mode & 0o700)
    modes = modes_of(closed, *closed.parents)
    postgres = Postgres(closed / "data", "password", closed / installed.name / "pginstall" / "bin")
    process = ServerProcess(
        postgres, port=free_ports(1)[0], log=tmp_path / "log", pid_record=PidRecord(tmp_path / "pid_record")
    )
    process.prepare()
    process.start()
    process.stop()
    assert modes_of(*modes) == modes


def modes_of(*paths: Path) -> dict[Path, int]:
    return {path: stat.S_IMODE(path.stat().st_mode) for path in paths}
