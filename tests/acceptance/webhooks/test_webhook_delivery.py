"""The webhooks that a subscriber gets when a job ends."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Received, Subscriber

TOP_LEVEL = [
    "type",
    "timestamp",
    "process_number",
    "job_id",
    "status",
    "total_documents",
    "completed_documents",
    "failed_documents",
    "completed_at",
    "documents",
    "documents_truncated",
    "status_url",
    "process",
]
DOCUMENT = {
    "id",
    "uuid",
    "name",
    "type",
    "size",
    "mime_type",
    "sha256",
    "status",
    "download_url",
    "download_url_expires_at",
    "content_url",
    "content_flags",
    "listed_size",
    "listed_mime_type",
    "charset",
    "error_code",
    "error_message",
}


async def requested(api: Api, subscriber: Subscriber, number: str) -> Received:
    """Request a case and wait for its webhook."""
    await api.process(number, webhook_url=subscriber.url(f"/{number}"))
    return (await subscriber.wait_for(f"/{number}"))[0]


async def test_the_body_says_what_happened_and_its_links_work(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(name="Petição inicial.pdf"), DocumentSpec(name="Anexo"))

    body = (await requested(api, subscriber, number)).json

    assert list(body) == TOP_LEVEL
    assert body["process"]["process_number"] == number
    assert (body["type"], body["status"], body["process_number"]) == ("process.completed", "completed", number)
    assert (body["total_documents"], body["completed_documents"], body["failed_documents"]) == (2, 2, 0)
    assert body["documents_truncated"] is False
    for document in body["documents"]:
        assert set(document) == DOCUMENT
        content, headers = await api.download(document["download_url"])
        assert hashlib.sha256(content).hexdigest() == document["sha256"]
        assert headers["Content-Type"] == "application/pdf"
    (petition,) = [each for each in body["documents"] if each["name"].startswith("Peti")]
    _content, headers = await api.download(petition["download_url"])
    assert "filename*=UTF-8''Peti%C3%A7%C3%A3o%20inicial.pdf" in headers["Content-Disposition"]


async def test_the_official_library_verifies_the_signature(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())

    received = await requested(api, subscriber, number)

    secret = (await api.get("/api/v1/webhooks/secret")).json["secret"]
    headers = {name.lower(): value for name, value in received.headers.items()}
    assert Webhook(secret).verify(received.body, headers)["process_number"] == number
    assert headers["x-webhook-id"] == headers["webhook-id"]
    assert headers["x-webhook-timestamp"] == headers["webhook-timestamp"]
    assert headers["x-webhook-attempt"] == "1"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "PDPJ-API-Webhook/1.0"


async def test_the_stable_urls_in_the_body_lead_to_the_same_bytes(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    body = (await requested(api, subscriber, number)).json
    (document,) = body["documents"]

    redirect = await api.get(document["content_url"].removeprefix(api.base_url))
    status = await api.get(body["status_url"].removeprefix(api.base_url))

    assert (redirect.status, redirect.headers["Cache-Control"]) == (302, "no-store")
    content, _headers = await api.download(redirect.headers["Location"])
    assert hashlib.sha256(content).hexdigest() == document["sha256"]
    assert status.json["job_id"] == body["job_id"]


async def test_a_failing_subscriber_is_called_again_with_the_same_id(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    subscriber.answer(f"/{number}", 500, 302)

    await requested(api, subscriber, number)
    calls = await subscriber.wait_for(f"/{number}", 3)

    assert len({call.headers["webhook-id"] for call in calls}) == 1
    assert [call.headers["X-Webhook-Attempt"] for call in calls] == ["1", "2", "3"]
    assert without_links(calls[0].json) == without_links(calls[2].json)
    status = await delivered(api, number)
    assert (status["webhook_sent"], status["webhook_attempts"], status["webhook_last_error"]) == (True, 3, None)


async def test_a_delivery_ends_when_the_attempts_are_used_up(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    subscriber.answer(f"/{number}", 500, 500, 500, 503)

    await requested(api, subscriber, number)
    await subscriber.wait_for(f"/{number}", 4)
    status = await attempted(api, number, 4)

    assert (status["webhook_sent"], status["webhook_last_error"]) == (False, "The host answered 503.")
    assert status["webhook_sent_at"] is None


async def test_a_subscriber_that_is_gone_is_left_alone(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    subscriber.answer(f"/{number}", 410)

    await requested(api, subscriber, number)
    status = await attempted(api, number, 1)

    assert (status["webhook_sent"], status["webhook_last_error"]) == (False, "The host answered 410.")


async def test_a_body_that_is_too_large_comes_without_its_documents(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=3))
    subscriber.answer(f"/{number}", 413)

    await requested(api, subscriber, number)
    full, thin = await subscriber.wait_for(f"/{number}", 2)

    assert (len(full.json["documents"]), full.json["documents_truncated"]) == (3, False)
    assert (thin.json["documents"], thin.json["documents_truncated"]) == ([], True)
    assert thin.json["total_documents"] == 3


async def test_a_job_with_failures_says_which_documents_and_why(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(), DocumentSpec(origin_id="gone"))
    await portal.fail_document(number, "gone", Fault(kind=FaultKind.NOT_FOUND_404, times=FOR_EVER))

    body = (await requested(api, subscriber, number)).json

    assert (body["type"], body["completed_documents"], body["failed_documents"]) == ("process.failed", 1, 1)
    (failed,) = [document for document in body["documents"] if document["status"] == "failed"]
    assert failed["error_code"] == "document_not_found"
    assert failed["error_message"].endswith(".")
    assert failed["download_url"] is None


async def test_a_kept_request_for_a_case_that_does_not_exist_ends_with_its_event(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.fail_listing(number, Fault(kind=FaultKind.UNAVAILABLE_503))

    body = (await requested(api, subscriber, number)).json

    assert (body["type"], body["total_documents"]) == ("process.failed", 0)
    status = await api.status(number)
    assert (status["status"], status["error_code"]) == ("failed", "process_not_found")


async def test_links_live_as_long_as_they_say(api: Api, portal: Portal, subscriber: Subscriber, number: str) -> None:
    await portal.put_documents(number, DocumentSpec())
    before = datetime.now(UTC)

    (document,) = (await requested(api, subscriber, number)).json["documents"]

    expires_at = datetime.fromisoformat(document["download_url_expires_at"])
    assert "X-Amz-Expires=3600" in document["download_url"]
    assert before + timedelta(seconds=3590) < expires_at < before + timedelta(seconds=3660)


async def test_nobody_sees_the_webhook_of_another_client(
    api: Api, other_client: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await requested(api, subscriber, number)

    status = await other_client.status(number)

    assert (status["webhook_url"], status["webhook_sent"], status["webhook_attempts"]) == (None, False, 0)
    assert (await other_client.process(number)).json["webhook_url"] is None


@pytest.mark.parametrize("secret_of", ["api", "other_client"])
async def test_each_client_has_a_secret_of_its_own(api: Api, other_client: Api, secret_of: str) -> None:
    mine, other = (await api.get("/api/v1/webhooks/secret")), (await other_client.get("/api/v1/webhooks/secret"))

    answer = {"api": mine, "other_client": other}[secret_of]
    assert answer.json["secret"].startswith("whsec_")
    assert mine.json["secret"] != other.json["secret"]


def without_links(body: Any) -> Any:
    for document in body["documents"]:
        del document["download_url"], document["download_url_expires_at"]
    return body


async def attempted(api: Api, number: str, times: int) -> Any:
    """The status once so many attempts were written."""
    return await api.until(number, lambda status: bool(status["webhook_attempts"] >= times))


async def delivered(api: Api, number: str) -> Any:
    """The status once the delivery has succeeded."""
    return await api.until(number, lambda status: bool(status["webhook_sent"]))
