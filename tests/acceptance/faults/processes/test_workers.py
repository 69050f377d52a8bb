"""Workers that are told to end, and concurrent workers: nothing is lost or done twice."""

import asyncio
import signal
from collections.abc import Callable

import pytest

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.acceptance.faults.conftest import Numbers
from tests.support.database.workload import Place, digits, plain
from worker.main import WAKING_TIMEOUT

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

NEVER_ENDS = Fault(kind=FaultKind.SLOW_DRIP, times=FOR_EVER, seconds=0.5)


async def test_a_worker_that_is_told_to_end_hands_its_job_over_and_uses_up_no_attempt(
    place: Place, numbers: Numbers
) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec(count=20, size=3000), DocumentSpec(origin_id="last", size=400_000))
    await place.portal.fail_document(number, "last", NEVER_ENDS)
    first = await place.service.add_worker()
    await place.request([number])
    await place.service.api.until(number, lambda status: status["completed_documents"] > 0)

    first.send(signal.SIGTERM)

    assert await first.ended() == 0
    assert "Traceback" not in first.said
    # At once, not at the end of its lease.
    (job,) = await place.service.fetch("SELECT status, lease_token, ring_at <= now() AS is_due FROM jobs")
    assert dict(job) == {"status": "pending", "lease_token": None, "is_due": True}
    await place.portal.fail_document(number, "last")
    await place.service.add_worker()
    await place.ended([number])
    await place.expect_all_done_once([number])
    rows = await place.service.fetch(
        "SELECT DISTINCT attempts FROM documents WHERE process_number = $1", digits(number)
    )
    assert [row["attempts"] for row in rows] == [1]


async def test_a_worker_that_is_told_to_end_while_it_waits_ends_at_once(place: Place) -> None:
    worker = await place.service.add_worker()

    worker.send(signal.SIGTERM)

    assert await worker.ended() == 0


async def test_two_workers_share_the_work_and_do_nothing_twice(place: Place, numbers: Numbers) -> None:
    cases = numbers.take(10)
    await place.put_cases(cases, DocumentSpec(count=10, size=5000))
    await asyncio.gather(*(place.service.add_worker() for _ in range(2)))

    await place.request(cases)

    await expect_everything_once(place, cases, documents=10)


@pytest.mark.long
async def test_four_workers_share_the_work_and_do_nothing_twice(
    place: Place, numbers: Numbers, note: Callable[[str], None]
) -> None:
    cases = numbers.take(60)
    await place.put_cases(cases, DocumentSpec(count=20, size=3000))
    await asyncio.gather(*(place.service.add_worker() for _ in range(4)))

    await place.request(cases)

    await expect_everything_once(place, cases, documents=20)
    note("4 workers, 60 jobs, 1200 documents: none downloaded twice, no event doubled")


async def expect_everything_once(place: Place, cases: list[str], *, documents: int) -> None:
    await place.ended(cases, timeout=240)
    figures = await place.expect_all_done_once(cases)
    assert figures["events posted twice"] == 0
    assert figures["documents"] == documents * len(cases)
    downloads = await place.downloads(cases)
    assert (len(downloads), set(downloads.values())) == (documents * len(cases), {1})
    claimed = await place.service.fetch(
        "SELECT max(attempts) AS most FROM deliveries WHERE process_number = ANY($1)", plain(cases)
    )
    assert claimed[0]["most"] == 1


@pytest.mark.long
async def test_workers_that_are_told_to_end_again_and_again_use_up_no_attempt(
    place: Place, numbers: Numbers, note: Callable[[str], None]
) -> None:
    cases = numbers.take(10)
    await place.put_cases(cases, DocumentSpec(count=60, size=3000))
    await place.portal.configure(latency_binary_ms=100)
    await place.service.add_worker()
    await place.request(cases)

    for _turn in range(8):
        worker = place.service.workers[-1]
        await place.service.add_worker()
        worker.send(signal.SIGTERM)
        assert await worker.ended(timeout=10) == 0

    await place.ended(cases, timeout=240)
    figures = await place.expect_all_done_once(cases)
    assert figures["events posted twice"] == 0
    rows = await place.service.fetch(
        "SELECT DISTINCT attempts FROM documents WHERE process_number = ANY($1)", plain(cases)
    )
    assert [row["attempts"] for row in rows] == [1]
    note("8 SIGTERM during 10 jobs of 60 documents: exit code 0 each time, no attempt used up")


@pytest.mark.long
async def test_a_document_may_take_longer_than_the_message_that_woke_its_worker(place: Place, numbers: Numbers) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec(count=1, size=3000))
    await place.portal.configure(latency_binary_ms=1000 * (int(WAKING_TIMEOUT.total_seconds()) + 4))
    await place.service.add_worker()

    await place.request([number])
    await place.ended([number])

    await expect_everything_once(place, [number], documents=1)
