"""The rules of `/processes/{number}/monitor` and `/monitors`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.database.connection import Database
from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.support.deliveries.deliveries import add_user
from tests.support.http.api import Answer, Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

ONE = DocumentSpec(size=2000)
DAY = {"every": "1d"}
MANY = "/api/v1/monitors"
MEMBERS = {
    *("process_number", "every_seconds", "webhook_url", "description", "status", "created_at", "last_checked_at"),
    *("last_changed_at", "next_check_at", "consecutive_failures", "last_error_code"),
}


def path(number: str) -> str:
    return f"/api/v1/processes/{number}/monitor"


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


async def test_a_case_that_nobody_asked_for_is_requested_and_watched(
    client: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, ONE)
    url = subscriber.url("/watched")

    made = await client.put(path(number), {"every": "6h", "webhook_url": url, "description": "Client 4711"})

    assert made.status == 201
    assert set(made.json) == MEMBERS
    assert (made.json["process_number"], made.json["every_seconds"], made.json["status"]) == (number, 21_600, "active")
    assert (made.json["webhook_url"], made.json["description"]) == (url, "Client 4711")
    assert (await client.get(path(number))).json["created_at"] == made.json["created_at"]
    assert (await client.ended(number))["status"] == "completed"
    # The URL is for what changes: the request itself calls nobody.
    assert subscriber.received("/watched") == []


async def test_the_same_again_changes_nothing_and_other_values_only_what_they_say(
    client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, ONE)
    made = await client.put(path(number), {"every": "7d", "description": "first"})
    before = (await client.get(path(number))).json

    again = await client.put(path(number), {"every": "168h", "description": "first"})
    changed = await client.put(path(number), {"every": "2w"})

    steady = ("created_at", "process_number", "status", "last_changed_at")
    assert (made.status, again.status, changed.status) == (201, 200, 200)
    assert again.json["every_seconds"] == made.json["every_seconds"]
    assert datetime.fromisoformat(again.json["next_check_at"]) <= datetime.fromisoformat(before["next_check_at"])
    assert {name: changed.json[name] for name in steady} == {name: made.json[name] for name in steady}
    # A PUT is the whole monitor: what it leaves out is null.
    assert (changed.json["every_seconds"], changed.json["description"]) == (14 * 86_400, None)


@pytest.mark.parametrize(
    "every", ["", "6", "0h", "-1h", "1.5h", "6H", "6 h", "PT6H", "59m", "366d", "99999999h", 6, 3600, None, ["6h"]]
)
async def test_an_interval_that_is_none_is_refused_with_what_is_allowed(
    client: Api, portal: Portal, number: str, every: Any
) -> None:
    await portal.put_documents(number, ONE)

    one = await client.put(path(number), {"every": every})
    many = await client.post(MANY, {"process_numbers": [number], "every": every})

    for answer in (one, many):
        assert code(answer) == (400, "invalid_body")
        [error] = answer.json["errors"]
        assert error["field"] == "every"
        assert "h" in error["message"]
    assert await portal.listings(number) == 0


async def test_a_monitor_that_asks_for_nothing_or_for_more_than_there_is_is_refused(client: Api, number: str) -> None:
    assert code(await client.put(path(number))) == (400, "invalid_json")
    assert code(await client.put(path(number), {})) == (400, "invalid_body")
    assert code(await client.put(path(number), {**DAY, "evry": "1d"})) == (400, "unknown_parameter")
    assert code(await client.put(path(number), {**DAY, "description": "x" * 201})) == (400, "invalid_body")
    assert code(await client.put(path(number), {**DAY, "description": "a\x00b"})) == (400, "invalid_body")
    assert code(await client.put(path("1"), DAY)) == (400, "invalid_process_number")
    assert code(await client.post(MANY, {"process_numbers": [], **DAY})) == (400, "invalid_body")
    assert code(await client.post(MANY, {"process_numbers": ["1"] * 1001, **DAY})) == (400, "invalid_body")


async def test_a_webhook_that_may_not_be_called_is_refused_before_anything_starts(
    client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, ONE)

    one = await client.put(path(number), {**DAY, "webhook_url": "ftp://x"})
    many = await client.post(MANY, {"process_numbers": [number], **DAY, "webhook_url": "ftp://x"})

    assert code(one) == (400, "invalid_webhook_url")
    assert code(many) == (400, "invalid_webhook_url")
    assert await portal.listings(number) == 0
    assert code(await client.get(path(number))) == (404, "monitor_not_found")


async def test_a_case_that_the_portal_does_not_know_or_denies_is_not_watched(
    client: Api, portal: Portal, supply: Iterator[str]
) -> None:
    unknown, denied = next(supply), next(supply)
    await portal.put_documents(denied, ONE)
    await portal.fail_listing(denied, Fault(kind=FaultKind.DENIED_403, times=FOR_EVER))

    answers = [await client.put(path(number), DAY) for number in (unknown, denied)]

    assert [code(each) for each in answers] == [(404, "process_not_found"), (403, "process_access_denied")]
    for number in (unknown, denied):
        assert code(await client.get(path(number))) == (404, "monitor_not_found")
        assert code(await client.get(f"/api/v1/processes/{number}/status")) == (404, "process_not_found")


async def test_a_portal_that_is_down_keeps_the_request_and_the_monitor(
    client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, ONE)
    await portal.fail_listing(number, Fault(kind=FaultKind.UNAVAILABLE_503, times=1))

    made = await client.put(path(number), DAY)

    assert (made.status, made.json["last_checked_at"]) == (201, None)
    assert (await client.ended(number))["status"] == "completed"
    assert (await client.get(path(number))).json["status"] == "active"


async def test_a_monitor_belongs_to_its_user_alone(
    client: Api, database: Database, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, ONE)
    other = client.with_key((await add_user(database))[1])
    await client.put(path(number), {**DAY, "description": "mine"})

    refused = [
        await other.get(path(number)),
        await other.delete(path(number)),
        await other.post(f"{path(number)}/check"),
    ]

    assert [code(each) for each in refused] == [(404, "monitor_not_found")] * 3
    assert (await other.get(MANY)).json["items"] == []
    assert (await client.get(path(number))).json["description"] == "mine"


async def test_what_is_ended_is_gone_and_may_be_made_again(client: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, ONE)
    first = await client.put(path(number), DAY)

    ended = await client.delete(path(number))
    gone = [await client.get(path(number)), await client.delete(path(number))]
    again = await client.put(path(number), DAY)

    assert ended.status == 204
    assert [code(each) for each in gone] == [(404, "monitor_not_found")] * 2
    assert again.status == 201
    assert again.json["created_at"] > first.json["created_at"]


async def test_each_of_many_numbers_gets_a_monitor_or_a_problem_in_the_order_of_the_request(
    client: Api, portal: Portal, supply: Iterator[str]
) -> None:
    known, denied, unknown = (next(supply) for _ in range(3))
    await portal.put_documents(known, ONE)
    await portal.put_documents(denied, ONE)
    await portal.fail_listing(denied, Fault(kind=FaultKind.DENIED_403, times=FOR_EVER))

    answer = await client.post(MANY, {"process_numbers": [known, "1", unknown, denied, known], **DAY})

    items = answer.json["items"]
    assert answer.status == 200
    assert [item["process_number"] for item in items] == [known, "1", unknown, denied, known]
    assert [(item["problem"] or {}).get("code") for item in items] == [
        *(None, "invalid_process_number", "process_not_found", "process_access_denied", None)
    ]
    assert items[0] == items[4]
    assert items[0]["monitor"] == (await client.get(path(known))).json
    assert (await client.ended(known))["status"] == "completed"


async def test_the_list_has_ones_own_monitors_in_pages(client: Api, portal: Portal, supply: Iterator[str]) -> None:
    numbers = [next(supply) for _ in range(3)]
    for number in numbers:
        await portal.put_documents(number)
        await client.put(path(number), DAY)

    first = await client.get(MANY, limit=2)
    second = await client.get(MANY, limit=2, cursor=first.json["next_cursor"])

    listed = [item["process_number"] for item in (*first.json["items"], *second.json["items"])]
    assert listed == numbers[::-1]
    assert second.json["next_cursor"] is None
    assert (await client.get(MANY, status="failing")).json["items"] == []
    assert len((await client.get(MANY, status="active")).json["items"]) == 3
    assert (await client.get(MANY, changed_since="2026-01-01T00:00:00Z")).json["items"] == []
    assert code(await client.get(MANY, status="idle")) == (400, "invalid_parameter")
    assert code(await client.get(MANY, changed_since="yesterday")) == (400, "invalid_parameter")


async def test_monitors_are_listed_by_status_and_in_the_order_of_their_changes(
    client: Api, database: Database, portal: Portal, supply: Iterator[str]
) -> None:
    numbers = [next(supply) for _ in range(4)]
    for number in numbers:
        await portal.put_documents(number)
        await client.put(path(number), DAY)
    digits = [number.replace("-", "").replace(".", "") for number in numbers]
    async with database.transaction() as connection:
        for hours, each in enumerate(digits[:3], 1):
            await connection.execute(
                "UPDATE monitors SET last_changed_at = now() - make_interval(hours => :hours), is_failing = :failing"
                " WHERE process_number = :number",
                {"hours": hours, "failing": hours == 2, "number": each},
            )

    since = (datetime.now(UTC) - timedelta(hours=2, minutes=30)).isoformat()
    first = await client.get(MANY, changed_since=since, limit=1)
    second = await client.get(MANY, changed_since=since, limit=1, cursor=first.json["next_cursor"])
    failing = await client.get(MANY, status="failing")
    both = await client.get(MANY, status="active", changed_since=since)

    listed = [[item["process_number"] for item in each.json["items"]] for each in (first, second, failing, both)]
    assert listed == [[numbers[1]], [numbers[0]], [numbers[1]], [numbers[0]]]
    assert second.json["next_cursor"] is None
    assert failing.json["items"][0]["status"] == "failing"


async def test_a_number_in_any_form_is_the_same_case(client: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number)
    digits = number.replace("-", "").replace(".", "")

    made = await client.put(path(digits), DAY)
    many = await client.post(MANY, {"process_numbers": [number, digits], **DAY})

    assert made.json["process_number"] == number
    assert [item["monitor"] for item in many.json["items"]] == [(await client.get(path(number))).json] * 2
    assert len((await client.get(MANY)).json["items"]) == 1
