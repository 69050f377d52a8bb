"""A user who cancels a job that others wait for only leaves it. The job ends with its last user."""

from uuid import UUID

import pytest

from service.database.cases import case_requests, job_retries
from service.database.jobs import job_history
from service.domain.jobs import Settlement
from tests.support.database.case_steps import LIMIT, CaseSteps, listed
from tests.support.database.users import delete
from tests.support.deliveries.deliveries import add_user

ACTIVE = {"pending", "processing"}


@pytest.fixture
async def guest(steps: CaseSteps) -> UUID:
    """A user who requests the same case later."""
    user_id, _key = await add_user(steps.database)
    return user_id


async def started(steps: CaseSteps, guest: UUID) -> UUID:
    await steps.register(listed("a"), listed("b"))
    accepted = await steps.ask("host")
    await steps.ask("guest", user_id=guest)
    assert accepted.job_id is not None
    return accepted.job_id


async def withdraw(steps: CaseSteps, job_id: UUID, user_id: UUID) -> Settlement | None:
    return await steps.run(lambda connection: case_requests.withdraw(connection, job_id, user_id, event_limit=LIMIT))


async def waiting(steps: CaseSteps, job_id: UUID) -> set[UUID]:
    rows = await steps.fetch(
        "SELECT user_id FROM deliveries WHERE process_number = :number AND job_id = :id AND status = 'waiting'",
        id=job_id,
    )
    return {row["user_id"] for row in rows}


@pytest.mark.parametrize("is_host", [False, True])
async def test_the_job_goes_on_for_the_others(steps: CaseSteps, guest: UUID, *, is_host: bool) -> None:
    job_id = await started(steps, guest)
    leaver, other = (steps.user_id, guest) if is_host else (guest, steps.user_id)

    assert await withdraw(steps, job_id, leaver) is None
    assert await withdraw(steps, job_id, leaver) is None

    assert await waiting(steps, job_id) == {other}
    job = await steps.claim()
    await steps.work(job)
    settlement = await steps.finish(job)
    assert settlement is not None
    assert len(settlement.deliveries) == 1
    assert await steps.run(lambda connection: job_history.find(connection, job_id, user_id=leaver)) is not None


async def test_the_last_one_ends_it_and_is_told(steps: CaseSteps, guest: UUID) -> None:
    job_id = await started(steps, guest)
    await withdraw(steps, job_id, steps.user_id)

    settlement = await withdraw(steps, job_id, guest)

    assert settlement is not None
    assert len(settlement.deliveries) == 1
    assert (await steps.job(job_id))["status"] == "cancelled"
    assert await withdraw(steps, job_id, guest) is None


async def test_asking_again_is_waiting_again(steps: CaseSteps, guest: UUID) -> None:
    job_id = await started(steps, guest)
    await withdraw(steps, job_id, guest)
    await steps.ask("guest", user_id=guest)
    assert await waiting(steps, job_id) == {steps.user_id, guest}

    assert await withdraw(steps, job_id, steps.user_id) is None

    assert (await steps.job(job_id))["status"] in ACTIVE


async def test_a_user_who_was_deleted_keeps_no_job_alive(steps: CaseSteps, guest: UUID) -> None:
    job_id = await started(steps, guest)
    await delete(steps.database, guest)

    assert await withdraw(steps, job_id, steps.user_id) is not None


async def test_an_administrator_ends_it_at_once_and_everybody_is_told(steps: CaseSteps, guest: UUID) -> None:
    job_id = await started(steps, guest)

    settlement = await steps.cancel(job_id)

    assert settlement is not None
    assert len(settlement.deliveries) == 2


async def test_a_job_that_is_retried_keeps_who_waits_for_it(steps: CaseSteps, guest: UUID) -> None:
    job_id = await started(steps, guest)
    await withdraw(steps, job_id, guest)
    await steps.cancel(job_id)

    again = await steps.run(lambda c: job_retries.retry(c, job_id, request_id="again", event_limit=LIMIT))

    new_id = again.job_id
    assert new_id is not None
    assert await steps.run(lambda c: job_history.find(c, new_id, user_id=guest)) is not None
    assert await waiting(steps, new_id) == {steps.user_id}
    assert await withdraw(steps, new_id, steps.user_id) is not None
