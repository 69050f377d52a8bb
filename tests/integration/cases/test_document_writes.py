"""Requests, listings and the end of a job while a worker downloads a document: nothing is disturbed or lost."""

import asyncio

import pytest

from service.database.cases import case_requests, documents
from service.domain.documents import Written
from service.domain.jobs import ClaimedJob
from service.domain.listings import ListedDocument
from tests.support.database.case_steps import CaseSteps, listed
from tests.support.database.locks import holding, until_somebody_waits

TWO = [listed("a"), listed("b")]


async def running(steps: CaseSteps, *found: ListedDocument) -> ClaimedJob:
    await steps.register(*(found or TWO))
    await steps.ask("first")
    return await steps.claim()


@pytest.mark.parametrize("url", [None, "more"])
async def test_asking_again_for_what_is_being_downloaded_disturbs_nothing(steps: CaseSteps, url: str | None) -> None:
    job = await running(steps)
    task = (await steps.tasks(job))["a"]
    await steps.start(job, task)
    before = (await steps.documents())["a"]

    for _ in range(3):
        await steps.download("a", "b", url=url)
        await steps.ask(url)
        await steps.register(*TWO)

    assert (await steps.documents())["a"] == before
    assert await steps.store(job, task) is Written.YES
    await steps.work(job)
    assert await steps.finish(job) is not None


async def test_what_a_running_job_has_downloaded_is_downloaded_again_by_it(steps: CaseSteps) -> None:
    job = await running(steps)
    await steps.work(job)
    first_key = (await steps.documents())["a"]["storage_key"]

    await steps.download("a")

    assert (await steps.tasks(job)).keys() == {"a"}
    assert (await steps.documents())["a"]["storage_key"] == first_key
    await steps.work(job)
    assert await steps.finish(job) is not None


async def test_a_job_comes_to_its_end_however_often_its_documents_are_asked_for_again(steps: CaseSteps) -> None:
    job = await running(steps)
    await steps.work(job)
    await steps.fetch(
        "UPDATE jobs SET created_at = created_at - CAST(:long AS interval) WHERE process_number = :number AND id = :id",
        id=job.id,
        long=documents.REPEATS_FOR,
    )

    await steps.download("a", "b")

    assert await steps.tasks(job) == {}
    assert await steps.finish(job) is not None
    await steps.download("a")
    assert (await steps.tasks(await steps.claim())).keys() == {"a"}


@pytest.mark.parametrize("is_stored_already", [False, True])
@pytest.mark.parametrize("works", [False, True])
async def test_what_changes_while_it_is_downloaded_is_downloaded_again_in_the_same_job(
    steps: CaseSteps, *, works: bool, is_stored_already: bool
) -> None:
    await steps.register(*TWO)
    if is_stored_already:
        await steps.complete()
        await steps.download("a", "b")
        job = await steps.claim()
    else:
        job = await running(steps)
    older = (await steps.tasks(job))["a"]
    await steps.start(job, older)

    await steps.register(listed("a", "2"), TWO[1])

    written = await (steps.store if works else steps.fail)(job, older)
    assert written is Written.SUPERSEDED
    newer = (await steps.tasks(job))["a"]
    assert newer.copies != older.copies
    assert await steps.finish(job) is None
    await steps.work(job)
    assert await steps.finish(job) is not None
    assert set((await steps.statuses()).values()) == {"available"}
    assert [event["type"] for event in await steps.events()][-1] == "process.completed"


async def test_what_changes_before_its_turn_is_not_taken_from_its_old_address(steps: CaseSteps) -> None:
    """The worker read the addresses of all documents when it started."""
    job = await running(steps)
    told = await steps.tasks(job)

    await steps.register(listed("a", "2"), TWO[1])
    await steps.start(job, told["a"])

    assert await steps.store(job, told["a"], following=told["b"]) is Written.SUPERSEDED
    assert (await steps.tasks(job)).keys() == {"a", "b"}
    assert (await steps.documents())["b"]["started_at"] is not None


async def test_what_has_ended_is_fetched_anew_when_it_changes_while_the_job_runs(steps: CaseSteps) -> None:
    job = await running(steps)
    tasks = await steps.tasks(job)
    for origin, end in (("a", steps.store), ("b", steps.fail)):
        await steps.start(job, tasks[origin])
        await end(job, tasks[origin])

    await steps.register(listed("a", "2"), listed("b", "2"))

    assert (await steps.tasks(job)).keys() == {"a", "b"}


async def test_a_write_after_a_cancel_is_told_that_the_lease_is_lost(steps: CaseSteps) -> None:
    job = await running(steps)
    task = (await steps.tasks(job))["a"]
    await steps.start(job, task)

    await steps.cancel(job.id)

    assert await steps.store(job, task) is Written.LEASE_LOST
    assert await steps.fail(job, task) is Written.LEASE_LOST
    assert (await steps.documents())["a"]["status"] == "pending"


async def test_a_write_that_waits_for_a_cancel_is_told_that_the_lease_is_lost(steps: CaseSteps) -> None:
    """Its statement started while the lease was held: only the row itself shows the change."""
    job = await running(steps)
    tasks = await steps.tasks(job)
    await steps.start(job, tasks["a"])

    async with holding(steps, lambda connection: case_requests.cancel(connection, job.id, event_limit=1)):
        writing = asyncio.create_task(steps.store(job, tasks["a"], following=tasks["b"]))
        await until_somebody_waits(steps)

    assert await writing is Written.LEASE_LOST
    assert await steps.statuses() == {"a": "pending", "b": "pending"}


async def test_a_document_that_another_worker_has_ended_is_superseded(steps: CaseSteps) -> None:
    """A frozen worker wrote first. The worker that holds the lease goes on."""
    job = await running(steps)
    task = (await steps.tasks(job))["a"]
    await steps.start(job, task)
    assert await steps.store(job, task) is Written.YES

    assert await steps.store(job, task) is Written.SUPERSEDED


@pytest.mark.parametrize("how", ["pending", "processing"])
async def test_a_cancelled_download_of_what_is_available_leaves_it_available(steps: CaseSteps, how: str) -> None:
    await steps.register(*TWO)
    await steps.complete()
    before = await steps.documents()
    accepted = await steps.download("a", "b", url="again" if how == "pending" else None)
    assert set((await steps.statuses()).values()) == {how}

    assert accepted.job_id is not None
    await steps.cancel(accepted.job_id)

    after = await steps.documents()
    for origin, row in after.items():
        kept = ("status", "storage_key", "sha256", "completed_at", "error_code")
        assert [row[name] for name in kept] == [before[origin][name] for name in kept]
    (_first, event) = await steps.events()
    assert (event["type"], event["body"]["completed_documents"]) == ("process.cancelled", 2)
    ended = await steps.job(accepted.job_id)
    assert (ended["status"], ended["completed_documents"]) == ("cancelled", 2)
    [case] = await steps.fetch("SELECT state FROM processes WHERE number = :number")
    assert case["state"] == "completed"


async def test_a_cancelled_download_of_a_newer_content_is_still_lacking(steps: CaseSteps) -> None:
    await steps.register(*TWO)
    await steps.complete()
    await steps.register(listed("a", "2"), TWO[1])
    accepted = await steps.ask()
    assert accepted.job_id is not None
    await steps.cancel(accepted.job_id)

    assert await steps.statuses() == {"a": "pending", "b": "available"}
    assert (await steps.documents())["a"]["storage_key"]
    await steps.complete()
    assert await steps.statuses() == {"a": "available", "b": "available"}
