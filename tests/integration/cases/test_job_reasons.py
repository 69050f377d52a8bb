"""`waiting_for` of a job stays set during a retry, until the failure is over."""

from datetime import timedelta

import pytest

from service.database import dependencies
from service.database.jobs import job_history, jobs
from service.domain.dependencies import Dependency
from tests.support.database.case_steps import CaseSteps, listed

REASON = "the object store failed: PutObject had no answer in time"


@pytest.mark.parametrize(("now_fails", "told"), [(REASON, REASON), ("PutObject was answered 403", None), (None, None)])
async def test_a_job_that_is_tried_again_says_why_it_waited_while_that_lasts(
    steps: CaseSteps, now_fails: str | None, told: str | None
) -> None:
    await steps.register(listed("1"))
    job_id = (await steps.ask()).job_id
    assert job_id is not None
    first = await steps.claim()
    await steps.run(lambda connection: jobs.release(connection, first, delay=timedelta(0), reason=REASON))
    await steps.run(lambda connection: dependencies.note(connection, Dependency.BUCKET, now_fails))
    waiting = await steps.run(lambda connection: job_history.find(connection, job_id))

    await steps.claim()
    tried = await steps.run(lambda connection: job_history.find(connection, job_id))

    assert waiting is not None
    assert tried is not None
    assert (waiting.status, waiting.waiting_for) == ("pending", REASON)
    assert (tried.status, tried.waiting_for, tried.tried_again_at) == ("processing", told, None)
