"""The rules of `GET /processes/{number}`, over HTTP with a real worker."""

import asyncio
from typing import Any

import pytest

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind, Kind
from tests.support.http.api import Answer, Api
from tests.support.portal import Portal, put_away
from tests.support.servers.subscriber import Subscriber

THREE = DocumentSpec(count=3)
# The worker also asks, once during a test.
AWAY = Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER, retry_after=600)


def statuses(answer: Any) -> set[str]:
    return {document["status"] for document in answer["documents"]}


async def test_a_new_download_with_a_webhook_starts_as_pending(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, THREE)

    answer = await api.process(number, webhook_url=subscriber.url(f"/{number}"))

    assert answer.status == 200
    assert statuses(answer.json) == {"pending"}
    assert answer.json["status"] == "pending"
    assert answer.json["job_id"] is not None
    assert answer.json["webhook_url"] == subscriber.url(f"/{number}")
    assert (answer.json["total_documents"], answer.json["has_documents"]) == (3, True)


async def test_a_new_download_without_a_webhook_starts_as_processing(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, THREE)

    answer = await api.process(number)

    assert statuses(answer.json) == {"processing"}
    assert answer.json["webhook_url"] is None
    assert statuses(await api.ended(number)) == {"available"}


async def test_every_document_arrives_as_the_portal_sent_it(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(
        number, DocumentSpec(count=4, size=30_000), DocumentSpec(kind=Kind.HTML), DocumentSpec(kind=Kind.RTF)
    )
    await api.process(number)

    status = await api.ended(number)

    expected = {document["sha256"] for document in await portal.documents(number)}
    assert status["status"] == "completed"
    assert (status["completed_documents"], status["progress_percentage"]) == (6, 100.0)
    assert {document["sha256"] for document in status["documents"]} == expected


async def test_a_running_job_takes_further_requests_and_their_webhooks(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, THREE)
    await portal.hold(number)
    first = await api.process(number, webhook_url=subscriber.url(f"/{number}/first"))

    second = await api.process(number, webhook_url=subscriber.url(f"/{number}/second"))
    third = await api.process(number)
    await portal.let_go(number)

    assert first.json["job_id"] == second.json["job_id"] == third.json["job_id"]
    for path in (f"/{number}/first", f"/{number}/second"):
        (received,) = await subscriber.wait_for(path)
        assert received.json["job_id"] == first.json["job_id"]


async def test_fifty_first_requests_at_once_are_one_job_and_fifty_callbacks(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=10))
    await portal.hold(number)
    paths = [f"/{number}/{index}" for index in range(50)]

    answers = await asyncio.gather(*(api.process(number, webhook_url=subscriber.url(path)) for path in paths))
    await portal.let_go(number)

    assert {answer.status for answer in answers} == {200}
    jobs = {answer.json["job_id"] for answer in answers}
    assert len(jobs) == 1
    for path in paths:
        (received,) = await subscriber.wait_for(path)
        assert received.json["job_id"] in jobs
    await asyncio.gather(*(expect_no_second_call(subscriber, path) for path in paths))
    assert await portal.downloads(number) == 10


async def test_a_complete_case_needs_no_job_and_calls_back_at_once(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, THREE)
    await api.process(number)
    await api.ended(number)

    answer = await api.process(number, webhook_url=subscriber.url(f"/{number}"))

    assert (answer.status, answer.json["job_id"], answer.json["status"]) == (200, None, "completed")
    assert all(document["download_url"] for document in answer.json["documents"])
    (received,) = await subscriber.wait_for(f"/{number}")
    assert (received.json["type"], received.json["completed_documents"]) == ("process.completed", 3)
    assert await portal.downloads(number) == 3


async def test_what_failed_is_tried_again_and_what_is_there_is_not(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(origin_id="bad"), DocumentSpec(origin_id="good"))
    await portal.fail_document(number, "bad", Fault(kind=FaultKind.NOT_FOUND_404, times=2))
    await api.process(number)
    failed = await api.ended(number)
    assert (failed["status"], failed["completed_documents"], failed["failed_documents"]) == ("failed", 1, 1)

    answer = await api.process(number)
    completed = await api.ended(number)

    assert answer.json["job_id"] not in {None, failed["job_id"]}
    assert statuses(answer.json) == {"processing", "available"}
    assert completed["status"] == "completed"
    assert await portal.downloads(number) == 2


async def test_what_has_no_address_is_only_tried_again_by_force(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(), DocumentSpec(binary_href=False, text_href=False))
    await api.process(number)
    failed = await api.ended(number)
    assert [d["error_code"] for d in failed["documents"] if d["status"] == "failed"] == ["nothing_to_download"]

    assert (await api.process(number)).json["job_id"] is None
    assert (await api.process(number, force_refresh="true")).json["job_id"] is not None


async def test_metadata_only_starts_nothing(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, THREE)

    answer = await api.process(number, auto_download="false")

    assert (answer.status, answer.json["job_id"], answer.json["total_documents"]) == (200, None, 3)
    assert statuses(answer.json) == {"pending"}
    assert await portal.downloads(number) == 0


async def test_a_refresh_adds_what_is_new_and_fetches_what_changed(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(origin_id="same"), DocumentSpec(origin_id="changed"))
    await api.process(number)
    before = by_origin(await api.ended(number), await portal.documents(number))
    changed = DocumentSpec(origin_id="changed", revision=2, size=25_000)
    await portal.put_documents(number, DocumentSpec(origin_id="same"), changed, DocumentSpec(origin_id="new"))

    answer = await api.process(number, force_refresh="true")
    after = by_origin(await api.ended(number), await portal.documents(number))

    assert answer.json["total_documents"] == 3
    assert after["same"]["completed_at"] == before["same"]["completed_at"]
    assert after["changed"]["sha256"] != before["changed"]["sha256"]
    expected = {document["idOrigem"]: document["sha256"] for document in await portal.documents(number)}
    assert {origin: document["sha256"] for origin, document in after.items()} == expected


async def test_a_refresh_of_a_portal_that_is_down_loses_nothing(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, THREE)
    await api.process(number)
    await api.ended(number)
    await portal.fail_listing(number, Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER))

    answer = await api.process(number, force_refresh="true")

    assert (answer.status, answer.json["status"]) == (202, "pending")
    assert statuses(answer.json) == {"available"}


@pytest.mark.parametrize(
    "kind", [FaultKind.UNAVAILABLE_503, FaultKind.TOO_MANY_429, FaultKind.FIREWALL_403, FaultKind.HANG]
)
async def test_a_request_is_kept_when_the_portal_does_not_list(
    api: Api, portal: Portal, subscriber: Subscriber, number: str, kind: FaultKind
) -> None:
    await portal.put_documents(number, THREE)
    await portal.fail_listing(number, Fault(kind=kind, retry_after=1))

    answer = await api.process(number, webhook_url=subscriber.url(f"/{number}"))

    assert (answer.status, answer.json["status"]) == (202, "pending")
    assert answer.json["job_id"] is not None
    (received,) = await subscriber.wait_for(f"/{number}")
    assert (received.json["job_id"], received.json["status"]) == (answer.json["job_id"], "completed")


async def test_a_kept_request_goes_on_at_once_when_somebody_asks_and_the_portal_is_back(
    api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, THREE)
    await portal.fail_listing(number, AWAY)
    kept = await api.process(number)
    await put_away(api, kept.json["job_id"])
    await portal.fail_listing(number)

    asked = await api.process(number)

    ended = await api.ended(number)
    assert (kept.status, asked.status) == (202, 200)
    assert (ended["job_id"], ended["status"]) == (kept.json["job_id"], "completed")


async def test_metadata_from_a_portal_that_is_down_is_refused_with_a_time(
    api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, THREE)
    await portal.fail_listing(number, Fault(kind=FaultKind.UNAVAILABLE_503))

    answer = await api.process(number, auto_download="false")

    assert_problem(answer, 503, "portal_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert (await api.get(f"/api/v1/processes/{number}/status")).status == 404


async def test_an_unknown_case_is_not_found_and_not_stored(api: Api, number: str) -> None:
    assert_problem(await api.process(number), 404, "process_not_found")
    assert_problem(await api.get(f"/api/v1/processes/{number}/status"), 404, "process_not_found")


async def test_a_case_that_is_denied_is_not_stored(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, THREE)
    await portal.fail_listing(number, Fault(kind=FaultKind.DENIED_403))

    assert_problem(await api.process(number), 403, "process_access_denied")
    assert_problem(await api.get(f"/api/v1/processes/{number}/status"), 404, "process_not_found")


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "https://user:password@example.com/", "http://127.0.0.1:22/", "nonsense", ""],
)
async def test_a_bad_webhook_is_refused_and_starts_nothing(api: Api, portal: Portal, number: str, url: str) -> None:
    await portal.put_documents(number, THREE)

    assert_problem(await api.process(number, webhook_url=url), 400, "invalid_webhook_url")

    assert (await api.get(f"/api/v1/processes/{number}/status")).status == 404
    assert await portal.listings(number) == 0


async def test_a_boolean_that_is_none_is_refused(api: Api, number: str) -> None:
    answer = await api.process(number, auto_download="perhaps")

    assert_problem(answer, 400, "invalid_parameter")
    assert answer.json["errors"] == [{"field": "auto_download", "message": "It must be true or false."}]


async def test_a_case_without_documents_is_complete(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number)

    answer = await api.process(number, webhook_url=subscriber.url(f"/{number}"))

    assert (answer.json["status"], answer.json["has_documents"]) == ("completed", False)
    (received,) = await subscriber.wait_for(f"/{number}")
    assert (received.json["type"], received.json["total_documents"]) == ("process.completed", 0)


def assert_problem(answer: Answer, status: int, code: str) -> None:
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json["status"], answer.json["code"]) == (status, code)
    assert {"type", "title", "detail"} <= answer.json.keys()


def by_origin(status: Any, expected: list[dict[str, Any]]) -> dict[str, Any]:
    origins = {uuid: document["idOrigem"] for document in expected for uuid in document["uuids"]}
    return {origins[document["uuid"]]: document for document in status["documents"]}


async def expect_no_second_call(subscriber: Subscriber, path: str) -> None:
    assert len(subscriber.received(path)) == 1
