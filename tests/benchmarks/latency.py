"""A slow portal, like the real one: how close the work comes to the limit of its response times."""

import asyncio
import math
import statistics
import time

from service.local.simulator import CaseSpec, DocumentSpec
from tests.benchmarks.place import Machine, Place, open_place
from tests.benchmarks.tools.clients import run_loop
from tests.benchmarks.tools.report import Row, at_most
from tests.benchmarks.tools.resources import cpu_seconds

LISTING, BINARY = 0.160, 0.430  # seconds, recorded at the real portal
AT_ONCE = 5  # documents of one case
ROUNDS = {30: 3, 173: 2}  # by the number of documents
LOOPED = 30  # documents that the loop is given; its time for more is in proportion
STARTS = 20
IDLE = 8.0  # seconds
SIZE = 20_000  # bytes


def _spec(count: int) -> CaseSpec:
    return CaseSpec(documents=(DocumentSpec(size=SIZE, count=count),))


async def _until_webhook(place: Place, number: str) -> float:
    """The seconds from the request to the webhook."""
    begin = time.monotonic()
    await place.service.api.process(number, webhook_url=place.subscriber.url(f"/{number}"))
    await place.subscriber.wait_for(f"/{number}", timeout=120)
    return time.monotonic() - begin


async def _loop(place: Place) -> Row:
    """The seconds of the bare loop for each document."""
    number = next(place.machine.numbers)
    await place.portal.put_case(number, _spec(LOOPED))
    origin = place.service.environment["PDPJ_BASE_URL"]
    uuids = [each["uuids"][0] for each in (await place.portal.expected(number, sha256=False))["documents"]]
    urls = [f"{origin}/processos/{number}/documentos/{uuid}/binario" for uuid in uuids]
    endpoints = place.machine.stack.endpoints
    token = place.service.environment["PDPJ_TOKEN"]
    taken = await run_loop("sequential", urls, endpoints, place.bucket, token=token)
    return place.machine.report.measured("(c) loop, each document", "s", taken.seconds / LOOPED)


async def _cases(place: Place) -> None:
    report = place.machine.report
    each = await _loop(place)
    for count, rounds in ROUNDS.items():
        runs = []
        for _ in range(rounds):
            number = next(place.machine.numbers)
            await place.portal.put_case(number, _spec(count))
            runs.append(await _until_webhook(place, number))
        ideal = LISTING + math.ceil(count / AT_ONCE) * BINARY
        ours = report.measured(f"{count} documents, request to webhook", "s", *runs)
        report.compared(ours, Row(report.section, "ideal", "s", [ideal]), at_most(1.15))
        report.compared(ours, Row(report.section, "(c) loop, in proportion", "s", [LISTING + count * each.median]))


async def _first_bytes(place: Place) -> None:
    """Measure from a request to the first one at the portal, and from our response to the first document request."""
    listings, documents = [], []
    await place.portal.configure(latency_listing_ms=0, latency_binary_ms=0)
    for _ in range(STARTS):
        number = next(place.machine.numbers)
        await place.portal.put_case(number, _spec(1))
        await asyncio.sleep(0.07)  # not in step with the queue
        asked_at = time.time()
        await place.service.api.process(number)
        answered_at = time.time()
        await place.service.api.ended(number)
        entries = [each for each in (await place.portal.journal())["requests"] if number in each["path"]]
        listings.append(min(each["time"] for each in entries) - asked_at)
        documents.append(next(e["time"] for e in entries if e["path"].endswith("/binario")) - answered_at)
    floor = await _floor(place)
    report = place.machine.report
    report.measured("floor: an answer of the portal to a bare client", "ms", floor)
    listed = statistics.median(listings) * 1000 - floor
    report.measured("request to first byte asked of the portal", "ms beyond floor", listed, target=at_most(100))
    report.measured(
        "answer to first document asked, median of 20", "ms", statistics.median(documents) * 1000, target=at_most(100)
    )


async def _floor(place: Place) -> float:
    times = []
    for _ in range(STARTS):
        begin = time.perf_counter()
        await place.portal.journal()
        times.append(time.perf_counter() - begin)
        await place.portal.forget_requests()
    return statistics.median(times) * 1000


async def _idle(place: Place) -> None:
    pid = place.service.workers[0].pid
    before = cpu_seconds(pid)
    await asyncio.sleep(IDLE)
    share = (cpu_seconds(pid) - before) / IDLE * 100
    place.machine.report.measured("an idle worker, polling and all", "% of a core", share)


async def measure(machine: Machine) -> None:
    """Measure cases of two sizes, then the start of work, then the cost of waiting."""
    async with open_place(machine, PDPJ_MAX_CONCURRENCY="50") as place:
        await place.add_worker()
        await place.portal.configure(latency_listing_ms=LISTING * 1000, latency_binary_ms=BINARY * 1000)
        try:
            await _cases(place)
            await _first_bytes(place)
        finally:
            await place.portal.reset()
        await _idle(place)
