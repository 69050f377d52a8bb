"""`python -m tests.benchmarks.memory`: how much memory a worker needs for large documents.

Everything is real but the portal: the servers of the local stack, the API and, for each row of the table, a worker
of its own. The figure is the worker's resident memory: when it is ready for work, and its highest from then
until the job has ended. Exits with 1 where the growth is above the limit. Needs Linux and 4 GB of disk.
"""

import asyncio
import secrets
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from service.database import migrations
from service.domain.api_keys import new_api_key
from service.local.simulator import CaseSpec, DocumentSpec, PortalControl
from service.local.stack import Stack, running_stack
from tests.benchmarks.tools.resources import forget_peak, resident
from tests.support.http.api import Api
from tests.support.numbers import process_numbers
from tests.support.processes import REPOSITORY, free_port, start_api, start_worker

DIRECTORY = REPOSITORY / ".autos" / "benchmark-memory"
SIZE = 600_000_000  # bytes of each document
MIB = 1024 * 1024
TIMEOUT = 900.0  # seconds for one job


@dataclass(frozen=True)
class Load:
    """Documents of `SIZE` in one case, all at once, and the allowed growth in MiB."""

    documents: int
    limit: int


@dataclass(frozen=True)
class Measurement:
    """The memory and time of one worker, in MiB and seconds."""

    load: Load
    idle: float
    peak: float
    seconds: float

    @property
    def growth(self) -> float:
        """The growth since the worker was ready."""
        return self.peak - self.idle

    @property
    def row(self) -> str:
        """The row of the table."""
        rate = self.load.documents * SIZE / 1e6 / self.seconds
        what = f"{self.load.documents} x {SIZE // 1_000_000} MB"
        return f"{what:12}{self.idle:10.1f}{self.peak:10.1f}{self.growth:10.1f}{self.load.limit:10}{rate:10.0f}"


LOADS = (Load(documents=1, limit=64), Load(documents=5, limit=160))
HEADING = f"{'documents':12}{'idle MiB':>10}{'peak MiB':>10}{'growth':>10}{'limit':>10}{'MB/s':>10}"


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A directory on the disk of the repository, because temporary ones may be in memory. It is removed at the end."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    try:
        yield DIRECTORY
    finally:
        shutil.rmtree(DIRECTORY, ignore_errors=True)


async def measure(
    load: Load, number: str, api: Api, portal: PortalControl, environment: Mapping[str, str]
) -> Measurement:
    """Measure a new worker with one job."""
    spec = CaseSpec(documents=(DocumentSpec(name="Audiência.pdf", size=SIZE, count=load.documents),))
    await portal.put_case(number, spec)
    worker = await start_worker(environment, DIRECTORY / f"worker-{load.documents}.log")
    try:
        forget_peak(worker.pid)
        idle, started = resident(worker.pid, "VmRSS"), time.monotonic()
        await api.process(number)
        ended = await api.ended(number, timeout=TIMEOUT)
        seconds, peak = time.monotonic() - started, resident(worker.pid, "VmHWM")
    finally:
        await worker.stop()
    assert (ended["status"], ended["completed_documents"]) == ("completed", load.documents), ended
    return Measurement(load, idle, peak, seconds)


async def measure_all(stack: Stack) -> list[Measurement]:
    """Make one measurement after the other."""
    environment = _environment(stack)
    migrations.apply(environment["DATABASE_URL"])
    api_process = await start_api(environment, DIRECTORY / "api.log")
    numbers, measured = process_numbers(), []
    try:
        async with aiohttp.ClientSession() as session:
            api = Api(session, f"http://127.0.0.1:{environment['PORT']}", environment["ADMIN_API_KEY"])
            portal = PortalControl(session, environment["PDPJ_BASE_URL"].removesuffix("/api/v2"))
            for load in LOADS:
                measured.append(await measure(load, next(numbers), api, portal, environment))
                print(measured[-1].row, flush=True)  # noqa: T201  (the output of a command)
    finally:
        await api_process.stop()
    return measured


def _environment(stack: Stack) -> dict[str, str]:
    return stack.endpoints.environment(bucket=f"benchmark-{secrets.token_hex(4)}") | {
        "ADMIN_API_KEY": new_api_key(),
        "PORT": str(free_port()),
        "DOWNLOAD_CONCURRENCY": str(max(load.documents for load in LOADS)),
        "LOG_FORMAT": "json",
    }


def main() -> None:
    """Measure, print a table, and exit with 1 if a limit is exceeded."""
    print(HEADING, flush=True)  # noqa: T201  (the output of a command)
    with scratch_directory() as directory, running_stack(directory / "stack") as stack:
        measured = asyncio.run(measure_all(stack))
    sys.exit(any(each.growth > each.load.limit for each in measured))


if __name__ == "__main__":
    main()
