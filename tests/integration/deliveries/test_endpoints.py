"""Which deliveries endpoints of accounts get."""

from uuid import UUID

import pytest

from service.database.connection import Database
from service.domain.process_number import ProcessNumber
from tests.support.database.case_steps import CaseSteps, listed
from tests.support.deliveries.deliveries import add_user
from tests.support.deliveries.endpoints import add_endpoint, deliveries_of

URL = "https://host.example/hook"  # as a request for the path "hook" names it


@pytest.fixture
async def steps(database: Database, number: str, user_id: UUID) -> CaseSteps:
    """A case with one document."""
    case = CaseSteps(database, ProcessNumber.parse(number), user_id)
    await case.register(listed("a"))
    return case


async def test_an_endpoint_gets_the_event_of_a_job_of_its_owner(database: Database, steps: CaseSteps) -> None:
    endpoint_id = await add_endpoint(database, steps.user_id, URL)
    others = await add_endpoint(database, (await add_user(database))[0], URL)

    job_id = await steps.complete()

    (delivery,) = await deliveries_of(database, endpoint_id)
    assert (delivery["status"], delivery["job_id"], delivery["url"]) == ("scheduled", job_id, URL)
    assert delivery["endpoint_only"]
    assert await deliveries_of(database, others) == []
