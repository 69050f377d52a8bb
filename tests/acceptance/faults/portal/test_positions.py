"""Clients and operators see the positions of jobs before a worker starts, and afterwards that they are in progress."""

from typing import Any

import msgspec
import pytest

from service.local.simulator import DocumentSpec
from tests.acceptance.faults.conftest import Numbers
from tests.support.commands import run_autos
from tests.support.database.workload import Place

pytestmark = pytest.mark.faults


async def test_a_job_says_how_many_begin_before_it_until_it_begins(place: Place, numbers: Numbers) -> None:
    cases = numbers.take(3)
    await place.put_cases(cases, DocumentSpec(size=2000))
    api = place.service.api
    ids = [
        (await api.process(number, webhook_url=place.subscriber.url(f"/{number}"))).json["job_id"] for number in cases
    ]

    assert [(await api.get(f"/api/v1/jobs/{job_id}")).json["position"] for job_id in ids] == [0, 1, 2]
    assert [(await shown(place, job_id))["position"] for job_id in ids] == [0, 1, 2]

    await place.service.add_worker()
    await place.ended(cases)
    assert {(await api.get(f"/api/v1/jobs/{job_id}")).json["position"] for job_id in ids} == {None}
    assert (await shown(place, ids[0]))["position"] is None


async def shown(place: Place, job_id: str) -> Any:
    said = await run_autos(place.service.environment, "jobs", "show", job_id, "--json")
    assert said.returncode == 0, said.stderr
    return msgspec.json.decode(said.stdout)
