"""Listings that arrive late, are shorter, or fail: the rows of the case stay right."""

import pytest

from service.database.cases import case_requests, documents, processes
from service.database.connection import Connection
from service.database.jobs import jobs
from service.domain.documents import Written
from service.domain.errors import ErrorCode
from service.domain.jobs import ClaimedJob, Settlement
from service.domain.listings import ListedDocument
from tests.support.database.case_steps import LIMIT, CaseSteps, listed, without_address

TWO = [listed("a"), listed("b")]


async def next_listing(steps: CaseSteps) -> int:
    return await steps.run(processes.next_listing)


async def abandon(steps: CaseSteps, job: ClaimedJob, error: ErrorCode) -> Settlement | None:
    return await steps.run(lambda connection: case_requests.fail_listing(connection, job, error, event_limit=LIMIT))


async def test_a_listing_that_was_asked_for_earlier_and_comes_later_is_dropped(steps: CaseSteps) -> None:
    earlier, later = await next_listing(steps), await next_listing(steps)
    await steps.register(*TWO, asked=later)
    before = await steps.documents()

    await steps.register(listed("a", "0"), listed("c"), asked=earlier)
    await steps.register(listed("a", "0"), listed("c"), asked=later)

    assert await steps.documents() == before
    await steps.register(*TWO, listed("c"), asked=await next_listing(steps))
    assert (await steps.documents()).keys() == {"a", "b", "c"}


async def test_a_listing_of_the_version_before_is_older_than_every_new_one(steps: CaseSteps) -> None:
    asked = await next_listing(steps)
    await steps.register(TWO[0], asked=asked)
    await steps.fetch("UPDATE processes SET listing_asked = NULL WHERE number = :number")

    await steps.register(*TWO, asked=asked)

    assert (await steps.documents()).keys() == {"a", "b"}


@pytest.mark.parametrize(("refresh", "is_served"), [(True, False), (False, True)])
async def test_who_wants_a_new_listing_gets_none_that_was_asked_for_before(
    steps: CaseSteps, *, refresh: bool, is_served: bool
) -> None:
    earlier, own = await next_listing(steps), await next_listing(steps)
    kept = await steps.keep(asked=own, refresh=refresh)

    await steps.register(*TWO, asked=earlier)

    assert (await steps.job(kept.job_id))["refresh"] == (not is_served)
    await steps.register(*TWO, asked=await next_listing(steps))
    assert not (await steps.job(kept.job_id))["refresh"]


async def test_a_document_that_is_listed_without_an_address_for_once_is_as_it_was(steps: CaseSteps) -> None:
    await steps.register(*TWO)
    await steps.complete()
    before = await steps.documents()

    await steps.register(without_address("a"), without_address("b", declared_size=5000))
    assert await steps.documents() == before
    assert await steps.run(lambda c: documents.lacking(c, steps.number, include_hopeless=True)) == []

    await steps.register(*TWO)
    assert await steps.documents() == before


async def test_a_document_that_waits_keeps_the_address_that_is_left_out_for_once(steps: CaseSteps) -> None:
    await steps.register(*TWO)
    await steps.ask()
    job = await steps.claim()
    task = (await steps.tasks(job))["a"]
    await steps.start(job, task)

    await steps.register(without_address("a"), without_address("b"))

    assert await steps.store(job, task) is Written.YES
    assert (await steps.tasks(job))["b"].copies == TWO[1].copies


async def complete_but_for(steps: CaseSteps, *found: ListedDocument) -> None:
    """Fail the documents without an address, and store the others."""
    await steps.register(*found)
    await steps.ask()
    job = await steps.claim()
    for task in (await steps.tasks(job)).values():
        await steps.start(job, task)
        if any(copy.binary_href for copy in task.copies):
            await steps.store(job, task)
        else:
            await steps.fail(job, task, ErrorCode.NOTHING_TO_DOWNLOAD)
    await steps.finish(job)


async def is_complete(steps: CaseSteps) -> bool:
    return (await steps.run(lambda connection: processes.completeness(connection, steps.number))).is_complete


async def test_only_what_a_request_would_download_makes_a_case_incomplete(steps: CaseSteps) -> None:
    await complete_but_for(steps, listed("a"), without_address("b"))
    assert await is_complete(steps)
    assert (await steps.ask()).job_id is None

    forced = await steps.ask(refresh=True)
    assert forced.job_id is not None
    await steps.cancel(forced.job_id)

    await steps.register(listed("a"), listed("b"))
    assert not await is_complete(steps)
    assert (await steps.ask()).job_id is not None


async def test_an_outdated_document_makes_a_case_incomplete(steps: CaseSteps) -> None:
    await steps.register(*TWO)
    await steps.complete()
    await steps.register(listed("a", "2"), TWO[1])
    await steps.ask()
    job = await steps.claim()
    (task,) = (await steps.tasks(job)).values()
    await steps.start(job, task)
    await steps.fail(job, task)
    await steps.finish(job)

    assert (await steps.statuses())["a"] == "available"
    assert not await is_complete(steps)
    assert (await steps.ask()).new_job


@pytest.mark.parametrize("error", [ErrorCode.PROCESS_NOT_FOUND, ErrorCode.PROCESS_ACCESS_DENIED])
async def test_a_running_job_outlives_a_listing_that_is_refused(steps: CaseSteps, error: ErrorCode) -> None:
    await steps.register(*TWO)
    await steps.ask("first")
    job = await steps.claim()
    await steps.keep("other", refresh=True, asked=await next_listing(steps))
    assert (await steps.tasks(job)).keys() == {"a", "b"}
    await steps.work(job)
    assert await steps.finish(job) is None

    assert await abandon(steps, job, error) is None

    settlement = await steps.finish(job)
    assert settlement is not None
    assert len(settlement.deliveries) == 2
    ended = await steps.job(job.id)
    assert (ended["status"], ended["error_code"]) == ("completed", None)


@pytest.mark.parametrize(
    ("error", "told"), [(ErrorCode.PROCESS_NOT_FOUND, None), (ErrorCode.JOB_EXPIRED, ErrorCode.JOB_EXPIRED)]
)
async def test_what_is_known_of_a_case_is_downloaded_where_the_listing_does_not_come(
    steps: CaseSteps, error: ErrorCode, told: ErrorCode | None
) -> None:
    await steps.register(*TWO)
    await steps.keep(refresh=True, asked=await next_listing(steps))
    job = await steps.claim()
    assert await steps.tasks(job) == {}

    assert await abandon(steps, job, error) is None

    assert (await steps.tasks(job)).keys() == {"a", "b"}
    await steps.work(job)
    assert await steps.finish(job) is not None
    ended = await steps.job(job.id)
    assert (ended["status"], ended["error_code"]) == ("completed", told)
    (event,) = await steps.events()
    assert event["type"] == "process.completed"


async def test_a_job_that_has_had_its_time_ends_with_what_it_has(steps: CaseSteps) -> None:
    await steps.register(*TWO)
    await steps.ask()
    job = await steps.claim()

    settlement = await abandon(steps, job, ErrorCode.JOB_EXPIRED)

    assert settlement is not None
    assert (await steps.job(job.id))["status"] == "failed"
    (event,) = await steps.events()
    assert event["type"] == "process.failed"


async def test_a_case_that_nothing_is_known_of_is_given_up(steps: CaseSteps) -> None:
    kept = await steps.keep()
    job = await steps.claim()

    assert await abandon(steps, job, ErrorCode.PROCESS_NOT_FOUND) is not None

    ended = await steps.job(kept.job_id)
    assert (ended["status"], ended["error_code"]) == ("failed", ErrorCode.PROCESS_NOT_FOUND)


async def test_a_job_that_waits_for_a_listing_goes_on_at_once_with_what_joins_it(steps: CaseSteps) -> None:
    await steps.register(*TWO)
    await steps.keep(refresh=True, asked=await next_listing(steps))
    job = await steps.claim()

    async def put_off(connection: Connection) -> None:
        await jobs.release(connection, job, delay=documents.REPEATS_FOR, listing_failures=1)

    await steps.run(put_off)

    joined = await steps.ask()

    assert (joined.job_id, joined.new_job, joined.can_go_on) == (job.id, False, True)
    assert (await steps.tasks(await steps.claim())).keys() == {"a", "b"}
    assert not (await steps.ask()).can_go_on
