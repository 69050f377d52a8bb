"""Several workers at one portal: its limit is used and never exceeded, and users take turns."""

import asyncio
import signal
from collections.abc import Callable

import pytest

from service.local.simulator import DocumentSpec
from tests.acceptance.faults.conftest import Numbers
from tests.support.database.workload import Place
from tests.support.deliveries.deliveries import add_user, open_pool
from tests.support.http.api import Api

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

LIMIT = 6
PER_JOB = 3
SETTINGS = {"PDPJ_MAX_CONCURRENCY": str(LIMIT), "DOWNLOAD_CONCURRENCY": str(PER_JOB)}
LEASED = "SELECT 1 FROM portal_slots WHERE expires_at > now() HAVING count(*) = $1"
ONE_HAS_ALL = f"{LEASED} AND count(DISTINCT worker_id) = 1"


async def add_workers(place: Place, count: int) -> None:
    await asyncio.gather(*(place.service.add_worker(**SETTINGS) for _ in range(count)))


async def most_in_flight(place: Place) -> int:
    return int((await place.portal.journal())["max_documents_in_flight"])


@pytest.mark.parametrize("workers", [1, 4])
async def test_one_case_has_all_the_slots_that_it_can_use_however_many_workers_there_are(
    place: Place, numbers: Numbers, workers: int
) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec(count=12, size=2000))
    await place.portal.configure(latency_binary_ms=100)
    await add_workers(place, workers)

    await place.request([number])
    await place.ended([number])

    assert await most_in_flight(place) == PER_JOB
    # A worker without requests holds no slot.
    await place.service.until(LEASED, 0)


@pytest.mark.parametrize("workers", [1, pytest.param(4, marks=pytest.mark.long)])
async def test_a_batch_uses_every_slot_and_begins_a_few_cases_at_a_time(
    place: Place, numbers: Numbers, workers: int
) -> None:
    cases = numbers.take(5 * LIMIT)
    await place.put_cases(cases, DocumentSpec(count=6, size=2000))
    await place.portal.configure(latency_binary_ms=100)
    await add_workers(place, workers)
    watching = asyncio.create_task(watch_running(place))

    await place.request(cases)
    await place.ended(cases)

    watching.cancel()
    await asyncio.wait([watching])
    assert watching.cancelled(), watching.exception()
    assert await most_in_flight(place) == LIMIT
    figures = await place.expect_all_done_once(cases)
    assert figures["documents"] == 6 * len(cases)


async def watch_running(place: Place) -> None:
    """Fail if far more cases are in progress than slots can serve: cases at their end use less than one."""
    while True:
        rows = await place.service.fetch("SELECT count(*) AS running FROM jobs WHERE status = 'processing'")
        assert rows[0]["running"] <= 2 * LIMIT, "two jobs for each slot"
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("workers", [1, pytest.param(3, marks=pytest.mark.long)])
async def test_one_case_does_not_wait_behind_the_batch_of_another_user(
    place: Place, numbers: Numbers, workers: int, note: Callable[[str], None]
) -> None:
    batch, (single,) = numbers.take(20), numbers.take(1)
    await place.put_cases(batch, DocumentSpec(count=20, size=2000))
    await place.put_cases([single], DocumentSpec(count=1, size=2000))
    await place.portal.configure(latency_binary_ms=200)
    await add_workers(place, workers)
    await place.request(batch)
    person = await another_user(place)
    await place.service.until("SELECT 1 FROM documents WHERE status = 'available' OFFSET 20")
    asked_before = await documents_asked(place)

    await person.process(single)
    await person.ended(single)

    asked = await documents_asked(place)
    between = asked.index(single, len(asked_before)) - len(asked_before)
    # Open requests end, and one or two slots change hands.
    assert between <= 4 * LIMIT
    assert len(asked) < 20 * len(batch)
    note(f"{workers} workers: {between} of 400 documents of the batch began between the request and its first document")
    for job in await place.service.fetch("SELECT id FROM jobs WHERE completed_at IS NULL"):
        await place.service.api.post(f"/api/v1/jobs/{job['id']}/cancel", {})


async def another_user(place: Place) -> Api:
    async with open_pool(place.service.database_url) as database:
        return place.service.api.with_key((await add_user(database))[1])


async def documents_asked(place: Place) -> list[str]:
    """The cases of the requested documents, in order."""
    paths = [each["path"] for each in (await place.portal.journal())["requests"]]
    return [path.split("/")[4] for path in paths if path.endswith("/binario")]


@pytest.mark.long
async def test_a_worker_that_stands_still_with_slots_never_makes_it_more_than_the_limit(
    place: Place, numbers: Numbers, note: Callable[[str], None]
) -> None:
    cases = numbers.take(8)
    await place.put_cases(cases, DocumentSpec(count=80, size=2000))
    await place.portal.configure(latency_binary_ms=200)
    await add_workers(place, 2)
    await place.request(cases)

    for worker in place.service.workers:
        await place.service.until("SELECT 1 FROM documents WHERE status = 'processing' OFFSET 2")
        worker.send(signal.SIGSTOP)
        # Until its leases have ended, and the other one has every slot.
        await place.service.until(ONE_HAS_ALL, LIMIT)
        worker.send(signal.SIGCONT)

    await place.ended(cases, timeout=200)
    await place.expect_all_done_once(cases)
    journal = await place.portal.journal()
    assert journal["max_documents_in_flight"] <= LIMIT, journal["longest_documents_in_flight"]
    note(f"2 workers frozen in turn: at most {await most_in_flight(place)} of {LIMIT} requests at a time")


@pytest.mark.long
async def test_the_slots_of_a_killed_worker_are_used_by_the_others(place: Place, numbers: Numbers) -> None:
    cases = numbers.take(6)
    await place.put_cases(cases, DocumentSpec(count=40, size=2000))
    await place.portal.configure(latency_binary_ms=200)
    await add_workers(place, 3)
    await place.request(cases)
    await place.service.until(LEASED, LIMIT)

    for worker in place.service.workers[:2]:
        worker.send(signal.SIGKILL)
        await worker.ended()

    await place.ended(cases, timeout=200)
    await place.expect_all_done_once(cases)
    assert await most_in_flight(place) == LIMIT
