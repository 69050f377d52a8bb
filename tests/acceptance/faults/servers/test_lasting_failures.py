"""A lasting failure is shown with its reason: in the log, the job, `autos status`, `/health/ready`, and a metric."""

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from service.local.stack import Stack
from tests.acceptance.faults.conftest import Numbers, Wires
from tests.support.commands import run_autos
from tests.support.database.workload import Place
from tests.support.metrics import Scrape, scrape
from tests.support.processes import Process, until_said
from tests.support.servers.s3_proxy import running_s3_proxy

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

AGE = "UPDATE dependencies SET failing_since = failing_since - interval '2 minutes' WHERE failing_since IS NOT NULL"


@dataclass(frozen=True)
class Told:
    """The places that show failures."""

    place: Place
    worker: Process

    async def waiting_job(self, number: str) -> dict[str, Any]:
        """Wait until the job of a case waits for something."""
        (row,) = await self.place.service.until(
            "SELECT id FROM jobs WHERE process_number = $1 AND status = 'pending' AND postponed_reason IS NOT NULL",
            number.replace("-", "").replace(".", ""),
        )
        job: dict[str, Any] = (await self.place.service.api.get(f"/api/v1/jobs/{row['id']}")).json
        shown = await run_autos(self.place.service.environment, "jobs", "show", job["id"])
        assert job["waiting_for"] in shown.stdout
        assert "tried again at" in shown.stdout
        assert job["tried_again_at"] is not None
        return job

    async def ready(self) -> Any:
        return (await self.place.service.api.get("/health/ready")).json

    async def checks(self) -> dict[str, Any]:
        """The checks of `autos status`, after two minutes of failures."""
        await self.place.service.fetch(AGE)
        said = await run_autos(self.place.service.environment, "status", "--json")
        assert said.returncode == 1
        found: dict[str, Any] = msgspec.json.decode(said.stdout)["checks"]
        return found

    async def metrics(self) -> Scrape:
        return await scrape(self.place.service.api.session, self.place.service.environment["PORT"])


async def test_a_portal_that_fails_is_told(place: Place, numbers: Numbers) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec(count=2))
    await place.portal.fail_listing(number, Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER))
    told = Told(place, await place.service.add_worker())
    await place.request([number])

    job = await told.waiting_job(number)
    ready, checks = await told.ready(), await told.checks()

    assert job["waiting_for"] == "no listing: a page of a firewall with status 503"
    assert ready["portal"].startswith("fails since 20")
    assert ready["portal"].endswith("a page of a firewall with status 503")
    assert ready["status"] == "ok"
    assert checks["portal"]["detail"].endswith("a page of a firewall with status 503")
    assert not checks["portal"]["ok"]
    assert (await told.metrics()).value("autos_dependency_failing_seconds", dependency="portal") > 60
    assert "a page of a firewall with status 503" in told.worker.said
    await place.portal.fail_listing(number)
    await place.ended([number], timeout=120)
    assert (await told.ready())["portal"] == "ok"


@pytest.mark.long
async def test_a_bucket_that_takes_no_objects_is_told(place: Place, numbers: Numbers, servers: Stack) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec(count=2))
    async with running_s3_proxy(servers.endpoints.s3_endpoint_url) as proxy:
        told = Told(place, await place.service.add_worker(S3_ENDPOINT_URL=proxy.url))
        proxy.refuse("", 403, "AccessDenied", method="PUT")
        await place.request([number])

        job = await told.waiting_job(number)
        ready, checks = await told.ready(), await told.checks()

        reason = "the object store failed: PutObject was answered 403 AccessDenied"
        assert job["waiting_for"] == reason
        assert (ready["status"], reason in ready["object_store"]) == ("ok", True)
        assert not checks["bucket"]["ok"]
        assert reason in checks["bucket"]["detail"]
        assert (await told.metrics()).value("autos_dependency_failing_seconds", dependency="bucket") > 60
        assert reason in told.worker.said
        proxy.reset()
        await place.ended([number], timeout=120)
        assert (await told.ready())["object_store"] == "ok"


@pytest.mark.parametrize(
    ("wire", "check", "event"),
    [("valkey", "redis", "redis_away"), ("postgres", "database", "portal_share_not_renewed")],
)
async def test_a_server_that_is_away_is_told(place: Place, wires: Wires, wire: str, check: str, event: str) -> None:
    told = Told(place, await place.service.add_worker())
    getattr(wires, wire).take_away()
    await place.service.api.get("/api/v1/jobs")

    ready = await told.ready()
    said = await run_autos(place.service.environment, "status", "--json")
    checks = msgspec.json.decode(said.stdout)["checks"]

    assert ready[check].startswith("cannot be reached (")
    assert ready["status"] == ("ok" if check == "redis" else "unavailable")
    assert (said.returncode, checks[check]["ok"]) == (1, False)
    assert checks[check]["detail"].startswith(("REDIS_URL: ", "DATABASE_URL: "))
    assert (await told.metrics()).value(f"autos_{check}_up") == 0
    await until_said(told.worker, event)
    assert check == "database" or "rate_limits_counted_locally" in place.service.apis[0].said
    getattr(wires, wire).bring_back()
    async with asyncio.timeout(60):
        while (await told.ready())[check] != "ok":  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.1)
