"""Which deliveries endpoints of accounts get."""

import asyncio
from uuid import UUID, uuid4

import pytest

from service.database.cases import case_requests, job_retries, processes
from service.database.connection import Database
from service.database.deliveries import endpoint_list, endpoints
from service.database.deliveries.endpoint_list import Changes
from service.database.users import users
from service.domain.errors import ErrorCode
from service.domain.process_number import ProcessNumber
from tests.support.database.case_steps import LIMIT, CaseSteps, listed
from tests.support.deliveries.deliveries import add_user, update
from tests.support.deliveries.endpoints import add_endpoint, deliveries_of

URL = "https://host.example/hook"  # as a request for the path "hook" names it
OTHER = "https://other.example/hook"


@pytest.fixture
async def steps(database: Database, number: str, user_id: UUID) -> CaseSteps:
    """A case with one document."""
    case = CaseSteps(database, ProcessNumber.parse(number), user_id)
    await case.register(listed("a"))
    return case


async def all_deliveries(steps: CaseSteps) -> list[dict[str, object]]:
    return await steps.fetch("SELECT * FROM deliveries WHERE process_number = :number ORDER BY created_at, id")


async def test_an_endpoint_gets_the_event_of_a_job_of_its_owner(database: Database, steps: CaseSteps) -> None:
    endpoint_id = await add_endpoint(database, steps.user_id, URL)
    others = await add_endpoint(database, (await add_user(database))[0], URL)

    job_id = await steps.complete()

    (delivery,) = await deliveries_of(database, endpoint_id)
    assert (delivery["status"], delivery["job_id"], delivery["url"]) == ("scheduled", job_id, URL)
    assert delivery["endpoint_only"]
    assert await deliveries_of(database, others) == []


async def test_a_url_that_stood_in_the_request_too_is_called_once(database: Database, steps: CaseSteps) -> None:
    endpoint_id = await add_endpoint(database, steps.user_id, URL)
    other_id = await add_endpoint(database, steps.user_id, OTHER)

    await steps.complete(url="hook")

    (shared,) = await deliveries_of(database, endpoint_id)
    (own,) = await deliveries_of(database, other_id)
    assert not shared["endpoint_only"]
    assert own["endpoint_only"]
    assert len(await all_deliveries(steps)) == 2


async def test_users_who_share_a_job_each_get_it_at_their_endpoints(database: Database, steps: CaseSteps) -> None:
    second, _key = await add_user(database)
    third, _key = await add_user(database)
    mine, theirs, left = [await add_endpoint(database, each, URL) for each in (steps.user_id, second, third)]
    accepted = await steps.ask()
    for joined in (second, second, third):
        await steps.ask(user_id=joined)
    job = await steps.claim()
    assert accepted.job_id == job.id
    await steps.run(lambda connection: case_requests.withdraw(connection, job.id, third, event_limit=LIMIT))
    await steps.work(job)

    settled = await steps.finish(job)

    assert settled is not None
    found = [await deliveries_of(database, each) for each in (mine, theirs, left)]
    assert [len(each) for each in found] == [1, 1, 0]
    assert {found[0][0]["id"], found[1][0]["id"]} == set(settled.deliveries)


async def test_only_the_types_that_an_endpoint_wants_come(database: Database, steps: CaseSteps) -> None:
    wanting = {
        events: await add_endpoint(database, steps.user_id, f"https://host{place}.example/", *events)
        for place, events in enumerate(
            [("process.failed",), ("process.completed", "process.failed"), ("process.completed",), ("*",)]
        )
    }
    await steps.ask()
    job = await steps.claim()
    (task,) = (await steps.tasks(job)).values()
    await steps.start(job, task)
    await steps.fail(job, task, ErrorCode.PORTAL_ERROR)

    await steps.finish(job)

    assert {events: len(await deliveries_of(database, each)) for events, each in wanting.items()} == {
        ("process.failed",): 1,
        ("process.completed", "process.failed"): 1,
        ("process.completed",): 0,
        ("*",): 1,
    }


async def test_an_endpoint_that_is_switched_off_gets_nothing_new(database: Database, steps: CaseSteps) -> None:
    endpoint_id = await add_endpoint(database, steps.user_id, URL)
    async with database.connection() as connection:
        await endpoint_list.change(connection, endpoint_id, Changes(is_enabled=False), user_id=None)

    await steps.complete()

    assert await all_deliveries(steps) == []


async def test_a_cancelled_delivery_of_a_request_stays_cancelled(database: Database, steps: CaseSteps) -> None:
    endpoint_id = await add_endpoint(database, steps.user_id, URL)
    await steps.ask("hook")
    (waiting,) = await all_deliveries(steps)
    assert isinstance(waiting["id"], UUID)
    await update(database, waiting["id"], "status = 'cancelled', completed_at = now()")
    job = await steps.claim()
    await steps.work(job)

    await steps.finish(job)

    (delivery,) = await deliveries_of(database, endpoint_id)
    assert (delivery["id"], delivery["status"]) == (waiting["id"], "cancelled")


async def test_an_event_without_a_job_comes_once(database: Database, steps: CaseSteps) -> None:
    await steps.complete()
    endpoint_id = await add_endpoint(database, steps.user_id, OTHER)

    accepted = [await steps.ask("hook") for _ in range(3)]

    (delivery,) = await deliveries_of(database, endpoint_id)
    assert [each.endpoint_deliveries for each in accepted] == [(delivery["id"],), (), ()]
    assert delivery["job_id"] is None


async def test_an_endpoint_that_has_moved_gets_an_event_once(database: Database, steps: CaseSteps) -> None:
    await steps.complete()
    endpoint_id = await add_endpoint(database, steps.user_id, OTHER)
    await steps.ask("hook")
    (delivery,) = await deliveries_of(database, endpoint_id)

    async with database.connection() as connection:
        await connection.execute(
            "UPDATE webhook_endpoints SET url = :url WHERE id = :id",
            {"url": "https://third.example/", "id": endpoint_id},
        )
    await steps.ask("hook")

    assert [each["id"] for each in await deliveries_of(database, endpoint_id)] == [delivery["id"]]


async def test_a_request_for_a_url_that_an_endpoint_has_sends_nothing_twice(
    database: Database, steps: CaseSteps
) -> None:
    await steps.complete()
    endpoint_id = await add_endpoint(database, steps.user_id, URL)
    await steps.ask("another")

    accepted = await steps.ask("hook")

    (delivery,) = await deliveries_of(database, endpoint_id)
    assert (accepted.delivery, accepted.endpoint_deliveries) == (None, ())
    assert not delivery["endpoint_only"]
    overview = await steps.run(lambda connection: processes.overview(connection, steps.number, steps.user_id))
    assert overview is not None
    assert overview.subscription is not None
    assert overview.subscription.url == URL


async def test_a_retried_job_calls_endpoints_and_does_not_subscribe_their_urls(
    database: Database, steps: CaseSteps
) -> None:
    endpoint_id = await add_endpoint(database, steps.user_id, URL)
    await steps.ask()
    job = await steps.claim()
    (task,) = (await steps.tasks(job)).values()
    await steps.start(job, task)
    await steps.fail(job, task, ErrorCode.PORTAL_ERROR)
    await steps.finish(job)

    retried = await steps.run(
        lambda connection: job_retries.retry(connection, job.id, request_id=str(uuid4()), event_limit=LIMIT)
    )

    assert [each["job_id"] for each in await all_deliveries(steps)] == [job.id]
    again = await steps.claim()
    assert again.id == retried.job_id
    await steps.work(again)
    await steps.finish(again)
    assert [each["endpoint_only"] for each in await deliveries_of(database, endpoint_id)] == [True, True]


async def test_the_status_of_a_case_shows_the_delivery_that_was_asked_for(steps: CaseSteps, database: Database) -> None:
    await add_endpoint(database, steps.user_id, OTHER)
    await steps.complete(url="hook")

    overview = await steps.run(lambda connection: processes.overview(connection, steps.number, steps.user_id))

    assert overview is not None
    assert overview.subscription is not None
    assert overview.subscription.url == URL


async def test_endpoints_that_are_added_at_once_are_no_more_than_allowed(database: Database, user_id: UUID) -> None:
    async def add(place: int) -> bool:
        try:
            await add_endpoint(database, user_id, f"https://host{place}.example/")
        except endpoint_list.TooManyEndpoints:
            return False
        return True

    added = await asyncio.gather(*(add(place) for place in range(endpoint_list.ENDPOINTS_MAX + 5)))

    assert sum(added) == endpoint_list.ENDPOINTS_MAX


async def test_a_deleted_user_leaves_no_endpoint_and_no_secret(database: Database, user_id: UUID) -> None:
    endpoint_id = await add_endpoint(database, user_id, URL)
    async with database.transaction() as connection:
        await users.delete(connection, user_id)

    async with database.connection() as connection:
        assert await endpoints.find_target(connection, endpoint_id) is None
        left = await connection.fetch_val(
            "SELECT count(*) FROM endpoint_secrets WHERE endpoint_id = :id", {"id": endpoint_id}
        )
    assert left == 0
