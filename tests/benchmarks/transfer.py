"""Documents per second through the real worker, compared with other programs."""

import asyncio
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from service.local.servers.object_server import find_program
from service.local.simulator import CaseSpec, DocumentSpec
from service.local.simulator.cases.cases import Case
from service.local.simulator.cases.samples import FEDERAL, sample_cases
from tests.benchmarks.place import Machine, Place, open_place
from tests.benchmarks.tools.clients import BENCH, Taken, aws_environment, rclone_environment, run_command, run_loop
from tests.benchmarks.tools.report import Bound, Report, Row, at_least
from tests.benchmarks.tools.resources import cpu_seconds, forget_peak, resident
from tests.benchmarks.tools.upstream import Upstream, nginx, running_upstream
from tests.support.processes import Process

WORKER, SHELL, RCLONE, LOOP, LIMIT = "worker", "(a) curl | aws", "(b) rclone", "(c) loop", "(d) aiohttp + aioboto3"
_PIPE = 'curl -s "$0" | "$AWS" s3 cp - "s3://$BUCKET/shell/$(basename "$0")" --only-show-errors'


@dataclass(frozen=True)
class Load:
    """Documents of a kind. `looped` and `piped` are the parts of them for the slow programs.

    `is_kept` leaves what was stored where it is: ext4 looks at each name that was given up in the last minutes before
    it makes a new file, which was half of the sink's CPU, and more for programs that make directories too.
    """

    name: str
    spec: CaseSpec
    rounds: int
    looped: int
    piped: int
    is_kept: bool = True
    targets: dict[str, Bound] = field(default_factory=dict)


def _alike(count: int, size: int) -> CaseSpec:
    return CaseSpec(documents=(DocumentSpec(name="Documento.pdf", size=size, count=count),))


def _federal_mix(times: int) -> CaseSpec:
    [federal] = [case for case in sample_cases() if case.number == FEDERAL]
    documents = tuple(
        DocumentSpec(name=each.name, size=each.size, kind=each.kind, origin_id=f"{each.origin_id}-{turn}")
        for turn in range(times)
        for each in federal.documents
    )
    return CaseSpec(documents=documents)


#: Documents of 200 KB and 2 MB have no target beside (b) and (d): two bare processes of (d) reach half of (b) on two
#: cores, and one worker moves twenty times what the portal gives.
_SMALL = {LOOP: at_least(6), SHELL: at_least(60)}
_LARGE = {LIMIT: at_least(0.9), RCLONE: at_least(0.9)}
LOADS = (
    Load("1,000 of 200 KB", _alike(1000, 200_000), rounds=3, looped=200, piped=20, targets=_SMALL),
    Load("100 of 2 MB", _alike(100, 2_000_000), rounds=3, looped=30, piped=10),
    Load("federal mix x 33", _federal_mix(33), rounds=2, looped=100, piped=0),
    Load("5 of 500 MB", _alike(5, 500_000_000), rounds=1, looped=1, piped=1, is_kept=False, targets=_LARGE),
)


async def _copy_by_worker(place: Place, worker: Process, number: str) -> Taken:
    forget_peak(worker.pid)
    cpu = cpu_seconds(worker.pid)
    seconds = await place.download([number])
    return Taken(seconds, cpu_seconds(worker.pid) - cpu, resident(worker.pid, "VmHWM"))


async def _copy_by_rclone(place: Place, upstream: Upstream, case: Case) -> Taken:
    command = [str(find_program()), "copy", "source:", f"sink:{place.bucket}/rclone"]
    options = ["--transfers=5", "--checkers=5", "--no-check-dest", "--s3-no-check-bucket", "--s3-no-head"]
    source = f"{upstream.origin}/files/{case.number}/"
    return await run_command([*command, *options], rclone_environment(place.machine.stack.endpoints, source))


async def _copy_by_shell(place: Place, urls: Sequence[str]) -> Taken:
    environment = aws_environment(place.machine.stack.endpoints)
    environment |= {"BUCKET": place.bucket, "AWS": str(BENCH / "aws")}
    return await run_command(["xargs", "-P5", "-n1", "sh", "-c", _PIPE], environment, stdin="\n".join(urls))


async def _run_in_turns(place: Place, upstream: Upstream, load: Load) -> dict[str, list[Taken]]:
    worker, endpoints = place.service.workers[0], place.machine.stack.endpoints
    taken: dict[str, list[Taken]] = {WORKER: [], LIMIT: [], RCLONE: []}
    for _ in range(load.rounds):
        case = upstream.put_case(next(place.machine.numbers), load.spec)
        urls = upstream.urls(case)
        taken[LIMIT].append(await run_loop("concurrent", urls, endpoints, place.bucket))
        taken[RCLONE].append(await _copy_by_rclone(place, upstream, case))
        _make_room(place, load)
        taken[WORKER].append(await _copy_by_worker(place, worker, case.number))
        _make_room(place, load)
    taken[LOOP] = [await run_loop("sequential", urls[: load.looped], endpoints, place.bucket)]
    if load.piped and (BENCH / "aws").exists():
        taken[SHELL] = [await _copy_by_shell(place, urls[: load.piped])]
    _make_room(place, load)
    return taken


def _make_room(place: Place, load: Load) -> None:
    if not load.is_kept:
        place.empty_bucket()


def _tell(report: Report, load: Load, taken: dict[str, list[Taken]]) -> None:
    total = sum(each.count for each in load.spec.documents)
    size = statistics.fmean(each.size for each in load.spec.documents for _ in range(each.count)) / 1e6
    counts = {LOOP: min(load.looped, total), SHELL: load.piped}
    rates: dict[str, Row] = {}
    for name, runs in taken.items():
        count = counts.get(name, total)
        label = f"{name}, {load.name}"
        rates[name] = report.measured(label, "documents/s", *(count / run.seconds for run in runs))
        report.measured(label, "MB/s", *(size * count / run.seconds for run in runs))
        report.measured(label, "CPU s per 1,000", *(1000 * run.cpu / count for run in runs))
        report.measured(label, "MiB at most", *(run.peak for run in runs))
    for name in (LIMIT, RCLONE, LOOP, SHELL):
        if name in rates:
            report.compared(rates[WORKER], rates[name], load.targets.get(name))


async def _with_two_workers(place: Place, upstream: Upstream, rclone: Iterable[float]) -> None:
    report, rates, limits = place.machine.report, [], []
    await place.add_worker()
    spec = _alike(100, 200_000)
    for _ in range(3):
        case = upstream.put_case(next(place.machine.numbers), _alike(1000, 200_000))
        limits.append(1000 / await _loop_twice(place, upstream.urls(case)))
        numbers = [upstream.put_case(next(place.machine.numbers), spec).number for _ in range(10)]
        rates.append(1000 / await place.download(numbers))
    ours = report.measured("2 workers, 10 x 100 of 200 KB", "documents/s", *rates)
    limit = report.measured(f"{LIMIT}, twice, 1,000 of 200 KB", "documents/s", *limits)
    report.compared(ours, limit)
    report.compared(ours, Row(report.section, RCLONE, "documents/s", list(rclone)))


async def _loop_twice(place: Place, urls: Sequence[str]) -> float:
    """The seconds of two processes of (d) with half of the documents each: the limit of the libraries on two cores."""
    halves = urls[::2], urls[1::2]
    endpoints = place.machine.stack.endpoints
    taken = await asyncio.gather(*(run_loop("concurrent", half, endpoints, place.bucket) for half in halves))
    return max(each.seconds for each in taken)


async def measure(machine: Machine) -> None:
    """Measure all loads, one after the other."""
    report = machine.report
    if nginx() is None:
        report.note("left out: nginx is not installed, and the simulated portal is slower than what it would measure")
        return
    if not (BENCH / "aws").exists():
        report.note("(a) is left out: there is no .venv-bench")
    report.note("from the start of the job to its end; (a) and (c) are given a part of the documents, one run each")
    report.note("(d) holds whole documents in memory: five of 500 MB take it 6 GB")
    async with running_upstream(machine.new_directory()) as upstream:
        base_url = f"{upstream.origin}/api/v2"
        async with open_place(machine, PDPJ_BASE_URL=base_url, PDPJ_MAX_CONCURRENCY="10") as place:
            await place.add_worker()
            for load in LOADS:
                _tell(report, load, await _run_in_turns(place, upstream, load))
            rclone = next(row for row in report.rows if row.name.startswith(f"{RCLONE}, 1,000"))
            await _with_two_workers(place, upstream, rclone.runs)
