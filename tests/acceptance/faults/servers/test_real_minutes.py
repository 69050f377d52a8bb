"""Failures that last a real minute are shown everywhere by then."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.acceptance.faults.conftest import Numbers, Wires
from tests.support.commands import run_autos
from tests.support.database.workload import Place, digits
from tests.support.metrics import Scrape, scrape
from tests.support.processes import Process, until_said

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(600)]

MINUTE = 60.0
PAGE = "a page of a firewall with status 503"
SILENT = "the object store failed: PutObject had no answer in time (TimeoutError)"


async def job_of(place: Place, number: str) -> dict[str, Any]:
    (row,) = await place.service.fetch("SELECT id FROM jobs WHERE process_number = $1", digits(number))
    job: dict[str, Any] = (await place.service.api.get(f"/api/v1/jobs/{row['id']}")).json
    return job


async def checks_of(place: Place) -> dict[str, Any]:
    said = await run_autos(place.service.environment, "status", "--json")
    assert said.returncode == 1
    checks: dict[str, Any] = msgspec.json.decode(said.stdout)["checks"]
    return checks


async def metrics_of(place: Place) -> Scrape:
    return await scrape(place.service.api.session, place.service.environment["PORT"])


async def until(is_so: Callable[[], Awaitable[bool]], *, timeout: float) -> None:
    async with asyncio.timeout(timeout):
        while not await is_so():  # noqa: ASYNC110  (other processes)
            await asyncio.sleep(0.5)


async def break_all_but_the_database(place: Place, wires: Wires, silent: str, refused: str) -> None:
    """One case is listed before the portal fails, and its document meets a frozen store."""
    worker = place.service.workers[0]
    wires.s3.go_silent()
    await place.request([silent])
    await until_said(worker, "job_claimed")
    await place.portal.fail_listing(refused, Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER))
    await place.request([refused])
    wires.valkey.take_away()


async def test_what_fails_for_a_minute_is_told_everywhere(place: Place, wires: Wires, numbers: Numbers) -> None:
    silent, refused = numbers.take(2)
    await place.put_cases([silent, refused], DocumentSpec(count=1))
    worker = await place.service.add_worker()
    began = time.monotonic()
    await break_all_but_the_database(place, wires, silent, refused)

    await asyncio.sleep(MINUTE - (time.monotonic() - began))
    jobs = [await job_of(place, each) for each in (silent, refused)]
    ready, checks = (await place.service.api.get("/health/ready")).json, await checks_of(place)
    log = worker.said

    assert [each["waiting_for"] for each in jobs] == [SILENT, f"no listing: {PAGE}"]
    assert ready["portal"].endswith(PAGE)
    assert ready["object_store"] != "ok"
    assert ready["redis"].startswith("cannot be reached (")
    assert PAGE in checks["portal"]["detail"]
    assert [checks[name]["ok"] for name in ("bucket", "redis")] == [False, False]
    assert all(words in log for words in (PAGE, SILENT, "redis_away")), log
    assert (await metrics_of(place)).value("autos_redis_up") == 0
    assert (await metrics_of(place)).value("autos_bucket_up") == 0

    # By then they were tried again, and have failed for a minute.
    for dependency in ("portal", "bucket"):
        await until(lambda name=dependency: _lasts(place, name), timeout=4 * MINUTE)  # type: ignore[misc]
    assert log != worker.said
    assert "dependency_fails" in worker.said
    await _mend(place, wires, refused)
    await place.ended([silent, refused], timeout=4 * MINUTE)


async def _lasts(place: Place, dependency: str) -> bool:
    return (await metrics_of(place)).value("autos_dependency_failing_seconds", dependency=dependency) > MINUTE


async def _mend(place: Place, wires: Wires, refused: str) -> None:
    wires.s3.bring_back()
    wires.valkey.bring_back()
    await place.portal.fail_listing(refused)


async def test_a_database_that_is_away_for_a_minute_is_told(place: Place, wires: Wires) -> None:
    worker: Process = await place.service.add_worker()
    began = time.monotonic()
    wires.postgres.take_away()

    await asyncio.sleep(MINUTE - (time.monotonic() - began))
    ready, checks = await place.service.api.get("/health/ready"), await checks_of(place)

    assert ready.status == 503
    assert ready.json["database"].startswith("cannot be reached (")
    assert checks["database"]["detail"].startswith("DATABASE_URL: ")
    assert (await metrics_of(place)).value("autos_database_up") == 0
    assert worker.is_running()
    assert "portal_share_not_renewed" in worker.said
    wires.postgres.bring_back()
    await until(lambda: _is_ready(place), timeout=MINUTE)


async def _is_ready(place: Place) -> bool:
    return (await place.service.api.get("/health/ready")).status == 200
