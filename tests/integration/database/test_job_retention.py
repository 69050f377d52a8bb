"""Jobs that nothing needs are deleted, and the responses for their cases stay the same."""

from datetime import timedelta
from uuid import UUID

import pytest

from service.actions.retention import remove_old_jobs
from service.database.cases import processes
from service.database.jobs import job_retention
from tests.support.database.case_steps import CaseSteps, listed

DAYS = timedelta(days=90)
REPEATED = 7  # jobs that failed


async def make_old(steps: CaseSteps) -> None:
    """Make all rows of the case old."""
    await steps.fetch(
        "UPDATE jobs SET created_at = created_at - interval '100 days', completed_at = completed_at - interval"
        " '100 days' WHERE process_number = :number RETURNING 1"
    )


async def forget_events(steps: CaseSteps) -> None:
    """Delete the events, as the retention of webhooks does."""
    await steps.fetch("DELETE FROM events WHERE process_number = :number RETURNING 1")


async def failing(steps: CaseSteps) -> UUID:
    """A job whose only document fails."""
    accepted = await steps.ask(refresh=True)
    job = await steps.claim()
    (task,) = (await steps.tasks(job)).values()
    await steps.start(job, task)
    await steps.fail(job, task)
    await steps.finish(job)
    assert accepted.job_id is not None
    return accepted.job_id


async def jobs_left(steps: CaseSteps) -> list[UUID]:
    rows = await steps.fetch("SELECT id FROM jobs WHERE process_number = :number ORDER BY created_at")
    return [row["id"] for row in rows]


async def remove(steps: CaseSteps) -> int:
    return await remove_old_jobs(steps.database, older_than=DAYS)


async def test_jobs_whose_documents_belong_to_later_ones_go_batch_by_batch_after_a_crash_too(
    steps: CaseSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_retention, "JOB_RETENTION_BATCH", 2)
    await steps.register(listed("a"))
    made = [await failing(steps) for _ in range(REPEATED)]
    await make_old(steps)
    await forget_events(steps)
    before = await steps.run(lambda connection: processes.overview(connection, steps.number, steps.user_id))

    async def crash() -> None:
        async with steps.database.transaction() as connection:
            await job_retention.remove_jobs(connection, older_than=DAYS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await crash()
    assert await jobs_left(steps) == made
    while await remove(steps):
        pass

    assert await jobs_left(steps) == made[-1:]
    after = await steps.run(lambda connection: processes.overview(connection, steps.number, steps.user_id))
    assert after == before


async def test_what_names_a_job_keeps_it(steps: CaseSteps) -> None:
    await steps.register(listed("a"))
    of_document = await steps.complete()
    await steps.register(listed("a"), listed("b"))
    of_event = await failing_of(steps, "b")
    await steps.register(listed("a"), listed("b"), listed("c"))
    newest = await steps.complete()
    await steps.fetch("DELETE FROM events WHERE job_id = :job_id RETURNING :number", job_id=of_document)
    await make_old(steps)

    await remove(steps)

    assert await jobs_left(steps) == [of_document, of_event, newest]


async def failing_of(steps: CaseSteps, origin: str) -> UUID:
    """A failed job whose document a later job took over: only its event names it."""
    await steps.ask()
    job = await steps.claim()
    task = (await steps.tasks(job))[origin]
    await steps.start(job, task)
    await steps.fail(job, task)
    await steps.finish(job)
    return job.id


async def test_a_case_whose_objects_are_not_tidied_yet_keeps_its_jobs(steps: CaseSteps) -> None:
    await steps.register(listed("a"))
    made = [await failing(steps) for _ in range(2)]
    await make_old(steps)
    await forget_events(steps)
    await steps.fetch("INSERT INTO untidy_cases (process_number, tidy_at) VALUES (:number, now()) RETURNING 1")

    await remove(steps)
    assert await jobs_left(steps) == made

    await steps.fetch("DELETE FROM untidy_cases WHERE process_number = :number RETURNING 1")
    await remove(steps)
    assert await jobs_left(steps) == made[1:]


async def test_what_ended_a_short_while_ago_stays(steps: CaseSteps) -> None:
    await steps.register(listed("a"))
    made = [await failing(steps) for _ in range(2)]
    await forget_events(steps)

    await remove(steps)

    assert await jobs_left(steps) == made
