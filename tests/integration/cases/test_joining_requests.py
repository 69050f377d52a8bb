"""Users who join a job get everything that they requested, and its event has the true state of the case."""

import pytest

from service.database.cases.case_requests import Accepted
from service.database.deliveries import deliveries
from service.domain.errors import ErrorCode
from tests.support.database.case_steps import CaseSteps, listed, without_address

SIX = [listed(origin) for origin in "abcdef"]


async def subscribe_first(steps: CaseSteps, accepted: Accepted) -> None:
    assert accepted.job_id is not None
    job_id = accepted.job_id
    await steps.run(
        lambda connection: deliveries.subscribe(
            connection, steps.number, job_id=job_id, user_id=steps.user_id, url="https://host.example/first"
        )
    )


@pytest.mark.parametrize("is_running", [False, True])
async def test_a_request_for_the_case_gives_the_job_for_one_document_the_others(
    steps: CaseSteps, *, is_running: bool
) -> None:
    await steps.register(*SIX)
    one = await steps.download("c")
    job = await steps.claim() if is_running else None

    joined = await steps.ask("whole")

    job = job or await steps.claim()
    assert (joined.job_id, joined.new_job) == (one.job_id, False)
    assert (await steps.tasks(job)).keys() == set("abcdef")
    await steps.work(job)
    settlement = await steps.finish(job)
    assert settlement is not None
    assert len(settlement.deliveries) == 1
    (event,) = await steps.events()
    assert (event["type"], event["body"]["completed_documents"]) == ("process.completed", 6)


async def test_what_a_running_job_has_given_up_is_not_given_to_it_again(steps: CaseSteps) -> None:
    """Otherwise a client that polls the main entry would keep the job alive for ever."""
    await steps.register(*SIX[:2])
    await steps.ask()
    job = await steps.claim()
    first = (await steps.tasks(job))["a"]
    await steps.start(job, first)
    await steps.fail(job, first)

    await steps.ask("again")

    assert (await steps.tasks(job)).keys() == {"b"}
    assert (await steps.documents())["a"]["error_code"] == ErrorCode.PORTAL_ERROR


async def test_progress_never_goes_back_where_documents_join(steps: CaseSteps) -> None:
    await steps.register(*SIX)
    await steps.download("a", "b", "c")
    job = await steps.claim()
    await steps.work(job)
    assert (await steps.job(job.id))["progress_floor"] == 0

    await steps.ask()

    assert (await steps.job(job.id))["progress_floor"] == 50.0


async def test_a_job_for_one_document_announces_no_completed_case(steps: CaseSteps) -> None:
    await steps.register(*SIX)
    accepted = await steps.download("c", url="first")
    job = await steps.claim()
    await steps.work(job)

    await steps.finish(job)

    (event,) = await steps.events()
    body = event["body"]
    assert (event["type"], body["status"]) == ("process.updated", "pending")
    assert (body["completed_documents"], body["total_documents"], body["failed_documents"]) == (1, 6, 0)
    ended = await steps.job(accepted.job_id)
    assert (ended["status"], ended["completed_documents"], ended["total_documents"]) == ("completed", 1, 1)
    assert [each["status"] for each in body["documents"]].count("pending") == 5


async def test_a_job_whose_only_document_failed_says_so_although_others_are_outstanding(steps: CaseSteps) -> None:
    await steps.register(*SIX)
    await steps.download("c")
    job = await steps.claim()
    (task,) = (await steps.tasks(job)).values()
    await steps.start(job, task)
    await steps.fail(job, task)

    await steps.finish(job)

    (event,) = await steps.events()
    assert (event["type"], event["body"]["status"]) == ("process.failed", "failed")
    assert (await steps.job(job.id))["status"] == "failed"


async def test_a_job_is_judged_by_its_own_documents_and_its_event_by_the_case(steps: CaseSteps) -> None:
    await steps.register(*SIX[:2])
    await steps.ask()
    job = await steps.claim()
    tasks = await steps.tasks(job)
    for origin, task in tasks.items():
        await steps.start(job, task)
        await (steps.fail if origin == "a" else steps.store)(job, task)
    await steps.finish(job)

    await steps.download("b")
    second = await steps.claim()
    await steps.work(second)
    await steps.finish(second)

    assert (await steps.job(second.id))["status"] == "completed"
    assert [event["type"] for event in await steps.events()] == ["process.failed", "process.failed"]


async def test_documents_that_were_registered_meanwhile_keep_a_job_from_announcing_the_case(steps: CaseSteps) -> None:
    await steps.register(*SIX[:1])
    await steps.ask("first")
    job = await steps.claim()
    await steps.work(job)
    # `download-documents`: what a running job lacks joins it.
    await steps.register(*SIX)

    assert await steps.finish(job) is None
    assert (await steps.tasks(job)).keys() == set("bcdef")


async def test_a_job_that_is_cancelled_after_one_of_six_completes_nothing(steps: CaseSteps) -> None:
    await steps.register(*SIX)
    accepted = await steps.ask()
    job = await steps.claim()
    first = (await steps.tasks(job))["a"]
    await steps.start(job, first)
    await steps.store(job, first)

    assert accepted.job_id is not None
    await steps.cancel(accepted.job_id)

    (event,) = await steps.events()
    assert (event["type"], event["body"]["completed_documents"]) == ("process.cancelled", 1)


async def test_a_document_without_address_does_not_make_a_complete_case(steps: CaseSteps) -> None:
    await steps.register(listed("a"), without_address("b"))
    await steps.ask()
    job = await steps.claim()
    for origin, task in (await steps.tasks(job)).items():
        await steps.start(job, task)
        await (steps.store(job, task) if origin == "a" else steps.fail(job, task, ErrorCode.NOTHING_TO_DOWNLOAD))
    await steps.finish(job)

    reported = await steps.ask("told")

    assert (reported.job_id, reported.delivery is None) == (None, False)
    assert [event["type"] for event in await steps.events()] == ["process.failed", "process.failed"]
