"""`autos demo` from the outside: what it prints, how it ends, what it leaves behind."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from service.local.simulator import sample_cases
from service.local.simulator.cases.samples import FEDERAL
from service.local.supervision.processes import wait_until_ended
from tests.support.commands import REPOSITORY, autos, read_until, standing_command, tree_of

CLOSING = ["Done", "Callback", "Link", "Update", "Time", "Next"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data directory for all runs, as a clone has."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first_run(data: Path) -> "subprocess.CompletedProcess[str]":
    """A run whose worker starts after the client has seen an unchanged case."""
    with standing_command("Service", "demo", "--data", str(data)) as demo:
        worker = worker_of(demo.process)
        os.kill(worker, signal.SIGSTOP)
        demo.go_on()
        lines = [*demo.lines, *read_until(demo.process, "    0.0 %"), ""]
        os.kill(worker, signal.SIGCONT)
        output, errors = demo.process.communicate(timeout=90)
    return subprocess.CompletedProcess(demo.process.args, demo.process.returncode, "\n".join(lines) + output, errors)


def run_demo(data: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        autos("demo", "--data", str(data)), cwd=REPOSITORY, capture_output=True, text=True, timeout=90, check=False
    )


def test_it_ends_well_with_six_lines(first_run: "subprocess.CompletedProcess[str]") -> None:
    assert (first_run.returncode, first_run.stderr) == (0, "")
    lines = first_run.stdout.splitlines()
    assert [line.split()[0] for line in lines[-6:]] == CLOSING
    assert lines[-1] == "Next      `make up` leaves it running, with an address, a key and curl lines to paste."


def test_it_shows_the_whole_case(first_run: "subprocess.CompletedProcess[str]") -> None:
    [case] = [case for case in sample_cases() if case.number == FEDERAL]
    done = re.search(
        r"^Done +All (\d+) documents of case (\S+) are in S3, ([\d,]+) bytes", first_run.stdout, re.MULTILINE
    )

    assert done is not None
    assert (int(done[1]), done[2]) == (len(case.documents), FEDERAL)
    assert int(done[3].replace(",", "")) == sum(document.size for document in case.documents)


def test_it_shows_progress_from_nothing_to_all(first_run: "subprocess.CompletedProcess[str]") -> None:
    steps = [float(percent) for percent in re.findall(r"^ +([\d.]+) %", first_run.stdout, re.MULTILINE)]

    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, 100)


def test_it_verifies_the_webhook_and_the_link(first_run: "subprocess.CompletedProcess[str]") -> None:
    output = first_run.stdout

    assert "type: process.completed, status: completed, 30 of 30 documents, 0 failed" in output
    assert "signature verified" in output
    assert re.search(r"webhook-id: msg_\w+", output)
    announced = re.search(r"documents\[0\]: (.+), application/pdf, (\d+) bytes,\n +sha256 [0-9a-f]{64}\n", output)
    assert announced is not None
    assert f"Link      {announced[2]} bytes of {announced[1]}, SHA-256 equal to the one in the webhook\n" in output


def test_it_brings_what_is_filed_later(first_run: "subprocess.CompletedProcess[str]") -> None:
    _, _, update = first_run.stdout.partition("\nWatch ")

    assert "type: process.updated, 1 document and 1 movement added" in update
    assert "signature verified" in update
    filed = re.search(r"^Filed +(.+), (\d+) bytes, and a movement", update, re.MULTILINE)
    announced = re.search(r"documents_added\[0\]: (.+), application/pdf, (\d+) bytes,\n +sha256 [0-9a-f]{64}\n", update)
    assert filed is not None
    assert announced is not None
    assert filed.groups() == announced.groups()
    assert f"Link      {filed[2]} bytes of {filed[1]}, SHA-256 equal to the one in the webhook\n" in update
    assert len(set(re.findall(r"webhook-id: (msg_\w+)", first_run.stdout))) == 2


def test_the_readme_shows_what_it_prints(first_run: "subprocess.CompletedProcess[str]") -> None:
    readme = (REPOSITORY / "README.md").read_text()
    found = re.search(r"^```text\n(Servers .*?)^```$", readme, re.MULTILINE | re.DOTALL)

    assert found is not None
    assert shape(found[1]) == shape(first_run.stdout)


def shape(output: str) -> list[str]:
    """The output without identifiers, figures and steps of progress, which differ from run to run."""
    lines = [line for line in output.splitlines() if not re.match(r" +[\d.]+ %", line)]
    return [re.sub(r"\b(msg_)?[0-9a-f]{8}[-0-9a-f]{20,}|\d+\.\d s|(?<=127\.0\.0\.1):\d+", "#", line) for line in lines]


@pytest.mark.long
def test_a_second_run_does_it_all_again(data: Path, first_run: "subprocess.CompletedProcess[str]") -> None:
    second = run_demo(data)

    assert (second.returncode, second.stderr) == (0, "")
    assert shape(second.stdout) == shape(first_run.stdout)
    assert len(list((data / "demo" / "objects").iterdir())) == 1, "the bucket of the run before is still there"


def test_ctrl_c_ends_it_cleanly(data: Path) -> None:
    with standing_command("Answer", "demo", "--data", str(data)) as demo:
        processes = tree_of(demo.process)
        demo.process.send_signal(signal.SIGINT)
        demo.go_on()
        output, errors = demo.process.communicate(timeout=60)

    assert (demo.process.returncode, errors) == (130, "")
    assert "Done" not in output
    assert len(processes.identities) > 5
    assert processes.alive() == []


def test_nothing_outlives_it_when_it_is_killed(data: Path) -> None:
    with standing_command("Answer", "demo", "--data", str(data)) as demo:
        processes = tree_of(demo.process)
        demo.process.kill()

    assert len(processes.identities) > 5
    assert wait_until_ended(processes.alive(), 60)


def test_a_failure_is_one_line_that_names_the_log(data: Path) -> None:
    with standing_command("Answer", "demo", "--data", str(data)) as demo:
        worker = worker_of(demo.process)
        os.kill(worker, signal.SIGKILL)
        assert wait_until_ended([worker], 60)
        demo.go_on()
        _, errors = demo.process.communicate(timeout=60)

    assert demo.process.returncode == 1
    log = data / "demo" / "logs" / "worker.log"
    assert errors == f"Error: the worker ended with code -9; its log is {log}\n"


def worker_of(process: "subprocess.Popen[str]") -> int:
    """The number of its worker."""
    name = b"worker.main.WorkerSettings"
    [worker] = [pid for pid in tree_of(process).identities if name in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return worker


def test_a_second_demo_on_the_same_data_says_who_has_them(data: Path) -> None:
    with standing_command("Servers", "demo", "--data", str(data)) as demo:
        other = run_demo(data)

    assert other.returncode == 1
    expected = f"Error: the stack in {data / 'demo'} is already running, started by process {demo.process.pid}\n"
    assert other.stderr == expected
