"""Many requests at once, refreshes and cancellations: each follows the contract."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.acceptance.faults.conftest import Numbers, Wires
from tests.support.buckets import Bucket
from tests.support.database.workload import Place, digits, plain
from tests.support.http.api import Answer, Api

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

NOT_YET = Fault(kind=FaultKind.TOO_MANY_429, times=FOR_EVER, retry_after=1)
DRIP = Fault(kind=FaultKind.SLOW_DRIP, times=FOR_EVER, seconds=0.5)


@pytest.mark.long
async def test_two_hundred_requests_for_one_case_are_one_job(
    place: Place, numbers: Numbers, note: Callable[[str], None]
) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec(count=29, size=3000), DocumentSpec(origin_id="last"))
    # The job cannot end before all responses: a request after its end gets its webhook at once, without a job.
    await place.portal.fail_document(number, "last", NOT_YET)
    apis = (place.service.api, await place.service.add_api())
    await place.service.add_worker()
    paths = [f"/{number}/{index}" for index in range(200)]

    answers = await asyncio.gather(
        *(apis[index % 2].process(number, webhook_url=place.subscriber.url(path)) for index, path in enumerate(paths))
    )

    await place.portal.fail_document(number, "last")
    for answer in answers:
        expect_contract(answer, documents=30)
    jobs = {answer.json["job_id"] for answer in answers}
    assert len(jobs) == 1
    for path in paths:
        (received,) = await place.subscriber.wait_for(path, timeout=240)
        assert received.json["job_id"] in jobs
    assert set((await place.downloads([number])).values()) == {1}
    note("200 requests at once for one case through 2 API processes: 1 job, 200 events, 30 downloads")


@pytest.mark.long
async def test_two_hundred_requests_for_two_hundred_cases_are_two_hundred_jobs(
    place: Place, numbers: Numbers, note: Callable[[str], None]
) -> None:
    cases = numbers.take(200)
    await place.put_cases(cases, DocumentSpec(count=5, size=3000))
    apis = (place.service.api, await place.service.add_api())
    await asyncio.gather(*(place.service.add_worker() for _ in range(2)))

    answers = await asyncio.gather(
        *(
            apis[index % 2].process(number, webhook_url=place.subscriber.url(f"/{number}"))
            for index, number in enumerate(cases)
        )
    )

    for answer in answers:
        expect_contract(answer, documents=5)
    assert len({answer.json["job_id"] for answer in answers}) == 200
    await place.ended(cases, timeout=240)
    figures = await place.expect_all_done_once(cases)
    assert figures["events posted twice"] == 0
    assert set((await place.downloads(cases)).values()) == {1}
    note("200 requests at once for 200 cases through 2 API processes: 200 jobs, 1000 documents, each once")


def expect_contract(answer: Answer, *, documents: int) -> None:
    """The rules for the response to a first request with a webhook, with other requests at the same time."""
    assert answer.status in {200, 202}, answer
    if answer.status == 202:
        # The portal did not respond in time, as on a busy machine: the request is kept.
        assert answer.json["status"] in {"pending", "processing"}
        return
    assert answer.json["total_documents"] == len(answer.json["documents"]) == documents
    assert answer.json["status"] in {"pending", "processing", "completed"}
    counted = Counter(each["status"] for each in answer.json["documents"])
    assert set(counted) <= {"pending", "processing", "available"}
    for each in answer.json["documents"]:
        assert (each["download_url"] is not None) == (each["status"] == "available")


@pytest.mark.long
async def test_a_refresh_takes_up_what_is_new_and_what_changed_and_keeps_what_vanished(
    place: Place, numbers: Numbers
) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], *(DocumentSpec(origin_id=each) for each in ("same", "changed", "vanished")))
    await place.service.add_worker()
    await place.request([number])
    await place.ended([number])
    before = await documents_of(place, number)

    await place.put_cases(
        [number],
        DocumentSpec(origin_id="same"),
        DocumentSpec(origin_id="changed", size=30_000, revision=2),
        DocumentSpec(origin_id="new"),
    )
    await place.service.api.process(number, force_refresh="true")
    status = await place.service.api.ended(number)

    after = await documents_of(place, number)
    assert status["status"] == "completed"
    assert set(after) == {"same", "changed", "vanished", "new"}
    for kept in ("same", "vanished"):
        assert after[kept] == before[kept]
    assert after["changed"]["sha256"] != before["changed"]["sha256"]
    assert after["changed"]["storage_key"] != before["changed"]["storage_key"]
    expected = {each["idOrigem"]: each["sha256"] for each in await place.portal.documents(number)}
    assert {name: each["sha256"] for name, each in after.items() if name in expected} == expected


async def test_a_document_that_vanished_before_it_was_ever_had_fails_no_later_job(
    place: Place, numbers: Numbers
) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec(origin_id="there"), DocumentSpec(origin_id="never"))
    await place.portal.fail_document(number, "never", Fault(kind=FaultKind.NOT_FOUND_404, times=FOR_EVER))
    await place.service.add_worker()
    await place.request([number])
    assert (await place.service.api.ended(number))["status"] == "failed"

    await place.put_cases([number], DocumentSpec(origin_id="there"))
    await place.service.api.process(number, force_refresh="true")
    status = await place.service.api.ended(number)

    assert (status["status"], status["total_documents"], status["completed_documents"]) == ("completed", 1, 1)
    await place.put_cases([number], DocumentSpec(origin_id="there"), DocumentSpec(origin_id="never"))
    await place.portal.fail_document(number, "never")
    await place.service.api.process(number, force_refresh="true")
    status = await place.service.api.ended(number)
    assert (status["status"], status["completed_documents"]) == ("completed", 2)


@pytest.mark.long
async def test_a_refresh_that_fails_half_way_loses_nothing_that_was_available(place: Place, numbers: Numbers) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec(origin_id="old", count=5))
    await place.service.add_worker(DOWNLOAD_ATTEMPTS="1")
    await place.request([number])
    await place.ended([number])
    before = await documents_of(place, number)

    await place.put_cases([number], DocumentSpec(origin_id="old", count=5, size=30_000, revision=2))
    for name in ("old-2", "old-4"):
        await place.portal.fail_document(number, name, Fault(kind=FaultKind.CODEX_500, times=FOR_EVER))
    await place.service.api.process(number, force_refresh="true")
    status = await place.service.api.ended(number)

    after = await documents_of(place, number)
    assert {each["status"] for each in after.values()} == {"available"}
    for name in ("old-2", "old-4"):
        assert after[name]["sha256"] == before[name]["sha256"]
    for name in ("old-1", "old-3", "old-5"):
        assert after[name]["sha256"] != before[name]["sha256"]
    for each in status["documents"]:
        body, _headers = await place.service.api.download(each["download_url"])
        assert len(body) == each["size"]


async def documents_of(place: Place, number: str) -> dict[str, dict[str, Any]]:
    rows = await place.service.fetch(
        "SELECT origin_id, status, sha256, storage_key, completed_at FROM documents WHERE process_number = $1",
        digits(number),
    )
    return {row["origin_id"]: dict(row) for row in rows}


# 3 seconds on a quiet machine, 10 on a busy one: long before a slow response is ended for being too slow.
@pytest.mark.parametrize("within", [10, pytest.param(3, marks=pytest.mark.long)])
async def test_cancelling_ends_downloads_at_once_keeps_what_is_there_and_tells_once(
    place: Place, numbers: Numbers, note: Callable[[str], None], within: float
) -> None:
    (number,) = numbers.take(1)
    await place.put_cases(
        [number], DocumentSpec(origin_id="quick", count=3), DocumentSpec(origin_id="slow", count=7, size=300_000)
    )
    for index in range(1, 8):
        await place.portal.fail_document(number, f"slow-{index}", DRIP)
    await place.service.add_worker()
    (accepted,) = await place.request([number])
    await place.service.api.until(number, lambda status: status["completed_documents"] == 3)
    assert await in_flight(place) > 0

    begin = time.monotonic()
    answer = await cancel(place.service.api, accepted.json["job_id"])
    async with asyncio.timeout(within):
        while await in_flight(place):  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)
    took = time.monotonic() - begin

    assert answer["status"] == "cancelled"
    again = await cancel(place.service.api, accepted.json["job_id"])
    assert again["status"] == "cancelled"
    (received,) = await place.subscriber.wait_for(f"/{number}")
    assert (received.json["type"], received.json["completed_documents"]) == ("process.cancelled", 3)
    await place.service.until("SELECT 1 FROM deliveries WHERE status = 'delivered'")
    assert len(place.subscriber.received(f"/{number}")) == 1
    documents = await documents_of(place, number)
    assert Counter(each["status"] for each in documents.values()) == {"available": 3, "pending": 7}
    assert await place.service.fetch("SELECT 1 FROM jobs WHERE lease_token IS NOT NULL") == []
    note(f"the last download ended {took:.1f} s after the cancellation")


@pytest.mark.long
async def test_cancelling_aborts_the_uploads_that_are_open(
    place: Place, numbers: Numbers, wires: Wires, bucket: Bucket
) -> None:
    cases = numbers.take(3)
    await place.put_cases(cases, DocumentSpec(count=2, size=20_000_000))
    wires.s3.slow_down(4_000_000)
    await place.service.add_worker()
    answers = await place.request(cases)
    async with asyncio.timeout(60):
        while not await bucket.open_uploads():  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)

    for answer in answers:
        await cancel(place.service.api, answer.json["job_id"])
    wires.s3.slow_down(0)

    async with asyncio.timeout(60):
        while await bucket.open_uploads():  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)
    rows = await place.service.fetch("SELECT type FROM events WHERE process_number = ANY($1)", plain(cases))
    assert [row["type"] for row in rows] == ["process.cancelled"] * 3


async def in_flight(place: Place) -> int:
    return int((await place.portal.journal())["documents_in_flight"])


async def cancel(api: Api, job_id: str) -> Any:
    async with api.session.post(
        f"{api.base_url}/api/v1/jobs/{job_id}/cancel", headers={"Authorization": f"Bearer {api.api_key}"}
    ) as response:
        assert response.status == 200, await response.text()
        return await response.json()
