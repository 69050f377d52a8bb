"""Tools for writing a receiver: a check of a URL, a signed test webhook, and a test receiver."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from standardwebhooks import Webhook

from service.database.connection import Database
from tests.support.deliveries.deliveries import add_user, open_sender
from tests.support.http.api import Api
from tests.support.processes import PATIENT, free_port, start_api
from tests.support.servers.subscriber import Subscriber

BASE = "/api/v1/webhooks"
UNKNOWN = "0" * 31 + "1"  # in hexadecimal, of an id that nobody was given
CONNECTIVITY, SEND, VALIDATE, RECEIVER = (
    f"{BASE}/webhook-test-connectivity",
    f"{BASE}/webhook-send-test",
    f"{BASE}/webhook-validate",
    f"{BASE}/webhook-test-receiver",
)
FORBIDDEN = {
    "http://169.254.169.254/latest/meta-data": "address_not_public",
    "http://[::ffff:169.254.169.254]/": "address_not_public",
    "http://user:secret@example.com/": "credentials",
    "ftp://example.com/": "scheme",
    "http://127.0.0.1:6379/": "port",
}


async def test_a_url_that_may_be_called_is_valid_though_nothing_was_sent(client: Api, subscriber: Subscriber) -> None:
    path = f"/{uuid4()}"

    answer = await client.post(VALIDATE, {"webhook_url": subscriber.url(path)})

    assert (answer.status, answer.json["valid"], answer.json["code"]) == (200, True, None)
    assert subscriber.received(path) == []


@pytest.mark.parametrize(("url", "rule"), FORBIDDEN.items())
async def test_a_url_that_must_not_be_called_is_refused_everywhere_with_the_rule_it_breaks(
    client: Api, url: str, rule: str
) -> None:
    validated = await client.post(VALIDATE, {"webhook_url": url})

    assert (validated.status, validated.json["valid"], validated.json["code"]) == (200, False, rule)
    for path in (CONNECTIVITY, SEND):
        answer = await client.post(path, {"webhook_url": url})
        assert (answer.status, answer.json["code"]) == (400, "invalid_webhook_url")
        assert answer.json["detail"].startswith(f"{rule}: ")


async def test_whether_something_answers_is_told_without_delivering_anything(
    client: Api, subscriber: Subscriber
) -> None:
    path = f"/{uuid4()}"

    there = await client.post(CONNECTIVITY, {"webhook_url": subscriber.url(path)})
    gone = await client.post(CONNECTIVITY, {"webhook_url": f"http://127.0.0.1:{free_port()}/"})

    # This receiver only accepts POST.
    assert (there.status, there.json["reachable"], there.json["status_code"]) == (200, True, 405)
    assert isinstance(there.json["response_time_ms"], int)
    assert there.json["error"] is None
    assert gone.json == {
        "reachable": False,
        "status_code": None,
        "response_time_ms": None,
        "error": "The host did not accept the connection.",
    }
    assert subscriber.received(path) == []


async def test_a_test_is_signed_with_the_secret_of_its_client(client: Api, subscriber: Subscriber) -> None:
    path = f"/{uuid4()}"

    answer = await client.post(
        SEND, {"webhook_url": subscriber.url(path), "test_payload": {"total_documents": 7, "type": "process.completed"}}
    )

    (received,) = subscriber.received(path)
    secret = (await client.get(f"{BASE}/secret")).json["secret"]
    headers = {name.lower(): value for name, value in received.headers.items()}
    verified = Webhook(secret).verify(received.body, headers)
    assert (verified["type"], verified["total_documents"], verified["status"]) == ("webhook.test", 7, "completed")
    assert (answer.status, answer.json["delivered"], answer.json["status_code"]) == (200, True, 204)
    assert answer.json["webhook_id"] == headers["webhook-id"]


async def test_a_test_that_is_not_taken_says_why_and_is_not_repeated(client: Api, subscriber: Subscriber) -> None:
    path = f"/{uuid4()}"
    subscriber.answer(path, 500)

    answer = await client.post(SEND, {"webhook_url": subscriber.url(path)})

    assert (answer.json["delivered"], answer.json["status_code"], answer.json["error"]) == (
        False,
        500,
        "The host answered 500.",
    )
    assert len(subscriber.received(path)) == 1


@pytest.fixture(scope="module")
async def patient(
    api: Api, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Api]:
    """Another API process of the same service, which counts in Redis even if Redis is slow."""
    port = str(free_port())
    process = await start_api(environment | PATIENT | {"PORT": port}, tmp_path_factory.mktemp("patient") / "api.log")
    yield Api(api.session, f"http://127.0.0.1:{port}", None)
    await process.stop()


async def test_trials_have_a_tight_limit_of_their_own_for_each_client(
    client: Api, other_client: Api, patient: Api, subscriber: Subscriber
) -> None:
    client, other_client = (patient.with_key(each.api_key) for each in (client, other_client))
    body = {"webhook_url": subscriber.url(f"/{uuid4()}")}

    answers = [await client.post(path, body) for path in [CONNECTIVITY, SEND] * 5]
    refused = [await client.post(path, body) for path in (CONNECTIVITY, SEND)]

    assert [answer.status for answer in answers] == [200] * 10
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == [str(left) for left in range(9, -1, -1)]
    for answer in refused:
        assert (answer.status, answer.json["code"]) == (429, "rate_limited")
        assert answer.headers["RateLimit-Limit"] == "10"
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert (await client.post(VALIDATE, body)).status == 200
    assert (await other_client.post(CONNECTIVITY, body)).status == 200


async def test_the_receiver_tells_a_real_webhook_from_a_forged_one(client: Api) -> None:
    url = f"{client.base_url}{RECEIVER}"

    sent = await client.post(SEND, {"webhook_url": url, "test_payload": {"total_documents": 3}})

    assert (sent.json["delivered"], sent.json["status_code"]) == (True, 200)
    assert '"signature_valid":true' in sent.json["answer"]
    assert '"total_documents":3' in sent.json["answer"]
    stranger = Api(client.session, client.base_url, None)
    forged = {"webhook-id": sent.json["webhook_id"], "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    answer = await stranger.post(RECEIVER, {"process_number": "x"}, headers=forged)
    assert (answer.status, answer.json["received"], answer.json["signature_valid"]) == (200, True, False)
    assert answer.json["process_number"] == "x"


@pytest.mark.parametrize("webhook_id", ["", "x", "msg_", f"msg_{UNKNOWN}", "msg_test_x", f"msg_test_{UNKNOWN}_x"])
async def test_the_receiver_knows_nobody_by_an_id_that_it_has_not_given(client: Api, webhook_id: str) -> None:
    stranger = Api(client.session, client.base_url, None)
    headers = {"webhook-id": webhook_id, "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}

    answer = await stranger.post(RECEIVER, {}, headers=headers)

    if webhook_id:
        assert (answer.status, answer.json["signature_valid"]) == (200, False)
    else:
        assert (answer.status, answer.json["code"]) == (401, "unauthorized")


async def test_who_sends_to_the_receiver_without_a_key_has_a_limit(patient: Api) -> None:
    headers = {"webhook-id": f"msg_{UNKNOWN}", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    # An address that no other test uses.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=("127.0.0.9", 0))) as session:
        stranger = Api(session, patient.base_url, None)
        answers = [await stranger.post(RECEIVER, {}, headers=headers) for _ in range(65)]

    assert {answer.status for answer in answers[:60]} == {200}
    refused = answers[-1]
    assert (refused.status, refused.json["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert (await patient.post(RECEIVER, {}, headers=headers)).status == 200, "from another address"


async def test_who_sends_to_the_receiver_with_a_key_uses_its_budget(patient: Api, client: Api) -> None:
    own = patient.with_key(client.api_key)
    before = int((await own.get(f"{BASE}/secret")).headers["RateLimit-Remaining"])

    assert (await own.post(RECEIVER, {})).status == 200

    assert int((await own.get(f"{BASE}/secret")).headers["RateLimit-Remaining"]) == before - 2


async def test_a_job_can_call_the_receiver(api: Api, database: Database, environment: dict[str, str]) -> None:
    user_id, api_key = await add_user(database)
    owner = Api(api.session, api.base_url, api_key)
    async with open_sender(database, environment["REDIS_URL"]) as sender:
        (delivery_id,) = await sender.send(user_id, f"{api.base_url}{RECEIVER}")

    found = await delivered(owner, delivery_id)

    assert '"signature_valid":true' in found["attempts"][0]["answer"]


async def delivered(api: Api, delivery_id: UUID) -> Any:
    async with asyncio.timeout(60):
        while True:
            found = (await api.get(f"{BASE}/deliveries/{delivery_id}")).json
            if found["status"] == "delivered":
                return found
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("path", [CONNECTIVITY, SEND, VALIDATE, RECEIVER, f"{BASE}/secret/rotate"])
async def test_without_a_key_nobody_is_served(client: Api, path: str) -> None:
    answer = await Api(client.session, client.base_url, None).post(path, {"webhook_url": "http://127.0.0.1:1/"})

    assert (answer.status, answer.json["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (VALIDATE, {}, "webhook_url"),
        (VALIDATE, {"webhook_url": 5}, "webhook_url"),
        (SEND, {"webhook_url": "http://127.0.0.1/", "test_payload": []}, "test_payload"),
        (CONNECTIVITY, {"webhook_url": None}, "webhook_url"),
    ],
)
async def test_a_wrong_body_is_refused_with_the_member_that_is_wrong(
    client: Api, path: str, body: Any, field: str
) -> None:
    answer = await client.post(path, body)

    assert (answer.status, answer.json["code"]) == (400, "invalid_body")
    assert [each["field"] for each in answer.json["errors"]] == [field]
