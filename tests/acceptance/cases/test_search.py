"""Many cases in one request: each number gets its own result."""

from collections.abc import Iterator

import pytest

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

PATH = "/api/v1/processes/search"
ONE = DocumentSpec(size=2000)


async def test_each_number_gets_a_case_or_a_problem_in_the_order_of_the_request(
    api: Api, portal: Portal, supply: Iterator[str]
) -> None:
    known, denied, unknown, kept = (next(supply) for _ in range(4))
    for number in (known, denied, kept):
        await portal.put_documents(number, ONE)
    await portal.fail_listing(denied, Fault(kind=FaultKind.DENIED_403, times=FOR_EVER))
    await portal.fail_listing(kept, Fault(kind=FaultKind.UNAVAILABLE_503, times=1))

    answer = await api.post(PATH, {"process_numbers": [known, "1", unknown, denied, known, kept]})

    items = answer.json["items"]
    assert answer.status == 200
    assert [item["process_number"] for item in items] == [known, "1", unknown, denied, known, kept]
    assert [(item["problem"] or {}).get("code") for item in items] == [
        None,
        "invalid_process_number",
        "process_not_found",
        "process_access_denied",
        None,
        None,
    ]
    assert items[0] == items[4]
    assert items[5]["process"]["job_id"] is not None
    assert {(await api.ended(number))["status"] for number in (known, kept)} == {"completed"}


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_thousand_numbers_are_answered_in_one_request_and_each_case_calls_back(
    api: Api, portal: Portal, subscriber: Subscriber, supply: Iterator[str]
) -> None:
    full, empty, unknown = ([next(supply) for _ in range(count)] for count in (100, 100, 700))
    for number in full:
        await portal.put_documents(number, ONE)
    for number in empty:
        await portal.put_documents(number)
    path = f"/{full[0]}/search"

    answer = await api.post(
        PATH, {"process_numbers": [*full, *empty, *unknown, *["wrong"] * 100], "webhook_url": subscriber.url(path)}
    )

    items = answer.json["items"]
    assert (answer.status, len(items)) == (200, 1000)
    assert all(item["process"] for item in items[:200])
    # Cases that the portal did not list in time are kept, and found unknown later.
    assert {(item["problem"] or {}).get("code") for item in items[200:900]} <= {"process_not_found", None}
    assert {item["problem"]["code"] for item in items[900:]} == {"invalid_process_number"}
    received = await subscriber.wait_for(path, 200, timeout=200)
    completed = {each.json["process_number"] for each in received if each.json["status"] == "completed"}
    assert completed <= {*full, *empty}
    assert {(await api.ended(number, timeout=200))["status"] for number in (*full, *empty)} == {"completed"}


async def test_a_thousand_numbers_of_which_most_are_wrong_are_all_answered(
    api: Api, portal: Portal, supply: Iterator[str]
) -> None:
    right = [next(supply) for _ in range(10)]
    for number in right:
        await portal.put_documents(number, ONE)
    given = [right[place // 100] if place % 100 == 0 else f"wrong {place}" for place in range(1000)]

    answer = await api.post(PATH, {"process_numbers": given})

    items = answer.json["items"]
    assert [item["process_number"] for item in items] == given
    assert [item["process"] is not None for item in items] == [number in right for number in given]
    assert {(await api.ended(number))["status"] for number in right} == {"completed"}


async def test_metadata_only_starts_nothing(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, ONE)

    answer = await api.post(PATH, {"process_numbers": [number], "auto_download": False})

    process = answer.json["items"][0]["process"]
    assert (process["status"], process["job_id"], process["total_documents"]) == ("pending", None, 1)


async def test_numbers_that_are_none_or_too_many_are_refused(api: Api) -> None:
    for numbers in ([], ["1"] * 1001, "1", [1], None):
        answer = await api.post(PATH, {"process_numbers": numbers})
        assert (answer.status, answer.json["code"]) == (400, "invalid_body")


async def test_a_webhook_that_may_not_be_called_is_refused_before_anything_starts(
    api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, ONE)

    answer = await api.post(PATH, {"process_numbers": [number], "webhook_url": "ftp://x"})

    assert (answer.status, answer.json["code"]) == (400, "invalid_webhook_url")
    assert await portal.listings(number) == 0
