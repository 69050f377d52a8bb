"""Machines whose clocks are a minute apart: only PostgreSQL's clock decides what is due."""

import asyncio
import re
import time
from collections.abc import Callable

import pytest

from service.local.simulator import DocumentSpec
from tests.acceptance.faults.conftest import Numbers
from tests.support.database.workload import Place
from tests.support.processes import REPOSITORY

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

SHIFTED_CLOCK = REPOSITORY / "tests" / "support" / "sitecustomize" / "shifted_clock"


@pytest.mark.long
@pytest.mark.parametrize("shift", [-60, 60])
async def test_a_worker_whose_clock_is_a_minute_off_works_like_any_other(
    place: Place, numbers: Numbers, note: Callable[[str], None], shift: int
) -> None:
    cases = numbers.take(10)
    await place.put_cases(cases, DocumentSpec(count=5, size=3000), DocumentSpec(size=9_000_000))
    place.subscriber.answer(f"/{cases[0]}", 500)
    await place.service.add_worker(PYTHONPATH=str(SHIFTED_CLOCK), CLOCK_SHIFT=str(shift))
    begin = time.monotonic()

    await place.request(cases)

    await place.ended(cases, timeout=50)
    took = time.monotonic() - begin
    await asyncio.gather(*(place.expect_all_done_once([case]) for case in cases[1:]))
    # The retry of the first one was also due by the database's clock.
    first, second, *_others = place.subscriber.received(f"/{cases[0]}")
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    # The clock was really wrong.
    assert abs(int(first.headers["webhook-timestamp"]) - time.time() - shift) < 40
    note(f"a worker's clock {shift:+} s off: 10 jobs and their deliveries done in {took:.1f} s")


def test_no_statement_compares_the_time_of_a_worker_with_the_time_of_the_database() -> None:
    """Statements compare and store now(); the code only passes durations."""
    for path in sorted((REPOSITORY / "service" / "database").glob("*.py")):
        text = path.read_text()
        assert not re.search(r"datetime\.now|time\.time|utcnow", text), path.name
