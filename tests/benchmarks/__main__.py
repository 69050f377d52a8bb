"""`python -m tests.benchmarks [section ...]`: measure, print, and leave the figures in `.autos/benchmarks.json`.

Figures are ratios within one run on one machine, because machines differ. Exits with 1 if a target is missed.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from service.local.stack import running_stack
from tests.benchmarks import (
    api,
    claims,
    crowd,
    deliveries,
    fairness,
    followers,
    growth,
    latency,
    monitors,
    places,
    transfer,
)
from tests.benchmarks.place import Machine, machine
from tests.benchmarks.tools.report import Report
from tests.support.processes import REPOSITORY

SECTIONS: Mapping[str, Callable[[Machine], Awaitable[None]]] = {
    "transfer": transfer.measure,
    "latency": latency.measure,
    "places": places.measure,
    "fairness": fairness.measure,
    "monitors": monitors.measure,
    "claims": claims.measure,
    "crowd": crowd.measure,
    "api": api.measure,
    "followers": followers.measure,
    "deliveries": deliveries.measure,
    "growth": growth.measure,
}
RESULT = REPOSITORY / ".autos" / "benchmarks.json"
QUIET = 1.5  # load average above which figures say little


async def measure(place: Machine, sections: list[str]) -> None:
    """Measure one section after the other."""
    for name in sections:
        begin = time.monotonic()
        place.report.begin(name)
        await SECTIONS[name](place)
        place.report.note(f"took {time.monotonic() - begin:.0f} s")


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("sections", nargs="*", metavar="section", help=f"of {', '.join(SECTIONS)}; all by default")
    sections = parser.parse_args().sections or list(SECTIONS)
    if unknown := set(sections) - SECTIONS.keys():
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    report = Report()
    if os.getloadavg()[0] > QUIET:
        report.note("this machine is busy with something else: the figures say little")
    scratch = REPOSITORY / ".autos"
    scratch.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=scratch) as directory,
        running_stack(Path(directory) / "stack") as stack,
    ):
        asyncio.run(measure(machine(stack, Path(directory), report), sections))
    report.write(RESULT)
    missed = report.missed
    print(f"\n{len(missed)} targets not reached; the figures are in {RESULT}", flush=True)  # noqa: T201  (a command's output)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
