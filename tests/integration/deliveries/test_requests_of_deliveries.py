"""An attempt is logged with the id of its request, with or without a job."""

from datetime import timedelta
from uuid import UUID

from service.database.deliveries import delivery_attempts
from service.domain.deliveries import ClaimedDelivery
from tests.support.database.case_steps import CaseSteps, listed


async def claimed(steps: CaseSteps, delivery_id: UUID) -> ClaimedDelivery:
    found = await steps.run(
        lambda connection: delivery_attempts.claim(connection, delivery_id, term=timedelta(seconds=30), may_probe=True)
    )
    assert isinstance(found, ClaimedDelivery)
    return found


async def test_a_delivery_without_a_job_knows_its_request(steps: CaseSteps) -> None:
    await steps.register(listed("a"))
    await steps.ask()
    job = await steps.claim()
    await steps.work(job)
    await steps.finish(job)

    reported = await steps.ask("told")

    assert (reported.job_id, reported.delivery is None) == (None, False)
    assert reported.delivery is not None
    found = await claimed(steps, reported.delivery.id)
    (asked,) = await steps.fetch("SELECT request_id FROM deliveries WHERE id = :id AND :number <> ''", id=found.id)
    assert found.job_id is None
    assert found.request_id == asked["request_id"]
    assert found.request_id


async def test_a_delivery_of_a_job_has_the_request_of_the_job(steps: CaseSteps) -> None:
    await steps.register(listed("a"))
    await steps.ask("told")
    job = await steps.claim()
    await steps.work(job)
    settlement = await steps.finish(job)

    assert settlement is not None
    found = await claimed(steps, settlement.deliveries[0])

    assert (found.job_id, found.request_id) == (job.id, job.request_id)
