"""/health/ready and `autos status` respond soon, even if a dependency hangs, and name it."""

import asyncio

import pytest

from tests.acceptance.faults.conftest import Wires
from tests.support.commands import run_autos
from tests.support.database.workload import Place

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

READY = "/health/ready"
SOON = 10.0  # seconds on a busy machine, where two are promised; what hangs took 20 and 120
HANGS = "gives no answer within 1.5 seconds"


async def test_probes_answer_although_everything_hangs(place: Place, wires: Wires) -> None:
    api = place.service.api
    assert (await api.get(READY)).status == 200
    for wire in (wires.postgres, wires.valkey, wires.s3):
        wire.go_silent()

    async with asyncio.timeout(SOON):
        answers = await asyncio.gather(*(api.get(READY) for _ in range(20)))
    async with asyncio.timeout(SOON):
        screen = await run_autos(place.service.environment, "status")

    assert {each.status for each in answers} == {503}
    found = answers[0].json
    assert (found["status"], found["database"], found["object_store"]) == ("unavailable", HANGS, HANGS)
    assert found["redis"] != "ok"
    assert screen.returncode == 1
    for line in ("DATABASE_URL: ", "S3_BUCKET: ", "REDIS_URL: "):
        assert line in screen.stdout
    for wire in (wires.postgres, wires.valkey, wires.s3):
        wire.bring_back()
    async with asyncio.timeout(30):
        while (await api.get(READY)).status != 200:
            pass


async def test_one_that_hangs_leaves_the_others_what_they_are(place: Place, wires: Wires) -> None:
    wires.s3.go_silent()

    async with asyncio.timeout(SOON):
        ready = await place.service.api.get(READY)
    screen = await run_autos(place.service.environment, "status")

    assert (ready.status, ready.json["object_store"]) == (503, HANGS)
    assert (ready.json["database"], ready.json["redis"], ready.json["portal_token"]) == ("ok", "ok", "ok")
    (line,) = [line for line in screen.stdout.splitlines() if "S3_BUCKET" in line]
    assert "gives no answer" in line
    wires.s3.bring_back()
