"""Processes are told apart by their number and the time of their start."""

import os
import subprocess
import sys

from service.local.supervision.processes import descendants_of, identity_of, wait_until_ended

END_SECONDS = 30.0
PARENT = "import subprocess; child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); child.wait()"


def test_a_child_that_was_not_collected_has_ended_and_keeps_its_exit_code() -> None:
    with subprocess.Popen(["sh", "-c", "exit 3"]) as child:
        assert wait_until_ended([child.pid], END_SECONDS)

        assert identity_of(child.pid) is None
        assert child.wait() == 3


def test_a_process_keeps_its_identity_and_shares_it_with_none() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        assert identity_of(child.pid) == identity_of(child.pid)
        assert identity_of(os.getpid()) not in {None, identity_of(child.pid)}
        child.kill()
        child.wait()

        assert identity_of(child.pid) is None


def test_descendants_begin_with_the_children() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        below = int(parent.stdout.readline())

        assert descendants_of(parent.pid) == [below]
        found = descendants_of(os.getpid())
        assert found.index(parent.pid) < found.index(below)
        os.kill(below, 9)
    assert descendants_of(parent.pid) == []
