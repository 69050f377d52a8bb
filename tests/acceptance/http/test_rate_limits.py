"""The rate limits of a client: in the headers of every response, and the same in every process."""

from collections.abc import AsyncIterator, Iterator
from itertools import cycle

import aiohttp
import pytest

from service.local.simulator import DocumentSpec
from tests.support.database.users import add_key
from tests.support.deliveries.deliveries import add_user, open_pool
from tests.support.http.api import Answer, Api
from tests.support.portal import Portal
from tests.support.processes import PATIENT
from tests.support.service import Service, running_service

SECRET = "/api/v1/webhooks/secret"


@pytest.fixture(scope="module")
async def service(
    session: aiohttp.ClientSession, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """Two API processes with small budgets."""
    limits = {"RATE_LIMIT_REQUESTS": "20/day", "RATE_LIMIT_DOWNLOADS": "2/day", "RATE_LIMIT_NUMBERS": "5/day"}
    async with running_service(session, environment | limits | PATIENT, tmp_path_factory.mktemp("limits")) as running:
        yield running


@pytest.fixture(scope="module")
async def second(service: Service) -> Api:
    """The other process."""
    return await service.add_api()


@pytest.fixture
async def apis(service: Service, second: Api) -> tuple[Api, Api]:
    """A new client, at each of the processes."""
    async with open_pool(service.database_url) as database:
        _, api_key = await add_user(database)
    return Api(second.session, service.api.base_url, api_key), Api(second.session, second.base_url, api_key)


def told(answer: Answer) -> tuple[int, int]:
    """The budget and its rest."""
    assert 1 <= int(answer.headers["RateLimit-Reset"]) <= 86400
    return int(answer.headers["RateLimit-Limit"]), int(answer.headers["RateLimit-Remaining"])


async def test_all_processes_share_the_budget_of_a_key(apis: tuple[Api, Api], service: Service) -> None:
    turns = cycle(apis)
    answers = [await next(turns).get(SECRET) for _ in range(22)]

    assert [answer.status for answer in answers] == [200] * 20 + [429] * 2
    assert [told(answer) for answer in answers] == [(20, max(0, left)) for left in range(19, -3, -1)]
    refused = answers[-1]
    assert refused.json["code"] == "rate_limited"
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]
    assert (await service.api.get("/api/v1/webhooks/deliveries")).status == 200, "of another key"


async def test_each_key_of_a_user_has_a_budget_of_its_own(service: Service) -> None:
    async with open_pool(service.database_url) as database:
        user_id, first = await add_user(database)
        _, second = await add_key(database, user_id)

    answers = [await service.api.with_key(api_key).get(SECRET) for api_key in (first, second)]

    assert [told(answer) for answer in answers] == [(20, 19)] * 2


async def test_an_answer_that_is_a_problem_tells_the_budget_too(apis: tuple[Api, Api]) -> None:
    missing = await apis[0].get("/api/v1/jobs/00000000-0000-4000-8000-000000000000")
    malformed = await apis[1].post("/api/v1/webhooks/webhook-validate", b"{")

    assert (missing.status, told(missing)) == (404, (20, 19))
    assert (malformed.status, told(malformed)) == (400, (20, 18))


async def test_what_needs_no_key_or_has_none_that_is_known_has_no_budget(apis: tuple[Api, Api]) -> None:
    stranger = Api(apis[0].session, apis[0].base_url, "autos_nobody")

    for answer in (await stranger.get(SECRET), await stranger.get("/health/live")):
        assert "RateLimit-Limit" not in answer.headers


async def test_only_what_may_start_a_download_uses_the_smaller_budget(
    apis: tuple[Api, Api], service: Service, portal: Portal, number: str, supply: Iterator[str]
) -> None:
    others = [next(supply) for _ in range(3)]
    for each in (number, *others):
        await portal.put_documents(each, DocumentSpec())
    worker = await service.add_worker()
    assert told(await apis[0].process(number)) == (2, 1)
    # Not by a request, which would use the budget.
    digits = "".join(filter(str.isdigit, number))
    await service.until("SELECT 1 FROM jobs WHERE process_number = $1 AND status = 'completed'", digits)

    again = await apis[1].process(number)
    looked = await apis[1].process(others[0], auto_download="false")
    started = [await apis[turn % 2].process(each) for turn, each in enumerate(others[:2])]
    still = await apis[0].process(number)

    assert (again.json["status"], told(again)[0]) == ("completed", 20)
    assert (looked.status, told(looked)[0]) == (200, 20)
    assert [(answer.status, told(answer)) for answer in started] == [(200, (2, 0)), (429, (2, 0))]
    assert still.status == 200
    assert await worker.stop() == 0


async def search(api: Api, numbers: list[str], *, auto_download: bool = True) -> Answer:
    body = {"process_numbers": numbers, "auto_download": auto_download}
    return await api.post("/api/v1/processes/search", body)


async def test_a_search_counts_the_cases_that_it_starts(
    apis: tuple[Api, Api], portal: Portal, supply: Iterator[str]
) -> None:
    cases = [next(supply) for _ in range(6)]
    for each in cases:
        await portal.put_documents(each, DocumentSpec())
    looked = await search(apis[0], cases, auto_download=False)
    started = await search(apis[0], [*cases[:3], cases[0], "1"])
    # They wait for a worker, and nothing is started.
    again = await search(apis[1], cases[:3])
    refused = await search(apis[1], cases)
    rest = await search(apis[0], cases[3:5])

    assert [looked.status, started.status, again.status, refused.status, rest.status] == [200, 200, 200, 429, 200]
    assert [told(looked)[0], told(again)[0]] == [20, 20]
    assert [told(started), told(refused), told(rest)] == [(5, 2), (5, 2), (5, 0)]
    assert "3 of these cases need work, and 2 may be started now" in refused.json["detail"]
    # One case more than is left, at five a day: it takes a fifth of a day.
    assert 17_000 < int(refused.headers["Retry-After"]) <= 86400


async def test_a_search_for_more_cases_than_the_whole_budget_uses_all_of_it(
    apis: tuple[Api, Api], portal: Portal, supply: Iterator[str]
) -> None:
    cases = [next(supply) for _ in range(8)]
    for each in cases:
        await portal.put_documents(each, DocumentSpec())

    all_of_them = await search(apis[0], cases[:7])
    one_more = await search(apis[1], cases[7:])

    assert (all_of_them.status, told(all_of_them)) == (200, (5, 0))
    assert one_more.status == 429
