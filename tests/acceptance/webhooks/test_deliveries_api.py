"""Deliveries as clients see them, and resends."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.database.connection import Database
from service.local.simulator import DocumentSpec
from tests.support.deliveries.deliveries import Sender, add_user
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

PATH = "/api/v1/webhooks/deliveries"
ATTEMPT = {"number", "started_at", "duration_ms", "outcome", "status_code", "answer", "error"}
EXHAUSTING = (500, 500, 500, 500)  # with the three pauses that the tests' service is set to


@pytest.fixture
async def client(api: Api, database: Database) -> tuple[Api, UUID]:
    """A client without any deliveries, and the id."""
    user_id, api_key = await add_user(database)
    return Api(api.session, api.base_url, api_key), user_id


async def delivery_of(api: Api, process_number: str) -> Any:
    """The client's only delivery of a case."""
    (found,) = [
        each for each in (await api.get(PATH, limit=200)).json["items"] if each["process_number"] == process_number
    ]
    return found


async def until(api: Api, delivery_id: str, **expected: Any) -> Any:
    """The delivery once its members are as expected; `attempts` is compared by their number."""
    async with asyncio.timeout(60):
        while True:
            found = (await api.get(f"{PATH}/{delivery_id}")).json
            seen = found | {"attempts": len(found["attempts"])}
            if all(seen[name] == value for name, value in expected.items()):
                return found
            await asyncio.sleep(0.05)


async def test_a_delivery_shows_what_came_of_each_attempt(
    client: tuple[Api, UUID], portal: Portal, subscriber: Subscriber, number: str
) -> None:
    api, user_id = client
    await portal.put_documents(number, DocumentSpec())
    subscriber.answer(f"/{number}", 500)
    await api.process(number, webhook_url=subscriber.url(f"/{number}"))
    _, received = await subscriber.wait_for(f"/{number}", 2)

    listed = await delivery_of(api, number)
    found = await until(api, listed["id"], status="delivered")

    assert found["webhook_id"] == received.headers["webhook-id"]
    assert (found["job_id"], found["type"]) == (received.json["job_id"], "process.completed")
    assert (found["user_id"], found["webhook_url"]) == (str(user_id), subscriber.url(f"/{number}"))
    assert (found["next_attempt_at"], found["last_error"]) == (None, None)
    assert [set(each) for each in found["attempts"]] == [ATTEMPT, ATTEMPT]
    first, second = found["attempts"]
    assert (first["number"], first["status_code"], first["error"]) == (1, 500, "The host answered 500.")
    assert (second["number"], second["status_code"], second["outcome"]) == (2, 204, "delivered")
    assert first["started_at"].endswith("Z")
    assert (await api.get(PATH)).json["items"] == [found]


async def test_a_client_sees_the_own_ones_and_an_administrator_all(
    api: Api, client: tuple[Api, UUID], other_client: Api, sender: Sender, subscriber: Subscriber
) -> None:
    own, user_id = client
    (delivery_id,) = await sender.send(user_id, subscriber.url(f"/{uuid4()}"))

    assert (await own.get(f"{PATH}/{delivery_id}")).status == 200
    assert (await api.get(f"{PATH}/{delivery_id}")).json["user_id"] == str(user_id)
    assert str(delivery_id) in [each["id"] for each in (await api.get(PATH)).json["items"]]
    for answer in (
        await other_client.get(f"{PATH}/{delivery_id}"),
        await other_client.post(f"{PATH}/{delivery_id}/resend"),
        await own.get(f"{PATH}/{uuid4()}"),
        await own.get(f"{PATH}/none"),
    ):
        assert (answer.status, answer.json["code"]) == (404, "delivery_not_found")
    assert str(delivery_id) not in [each["id"] for each in (await other_client.get(PATH, limit=200)).json["items"]]


async def test_a_list_comes_in_pages_that_new_deliveries_do_not_shift(
    client: tuple[Api, UUID], sender: Sender, subscriber: Subscriber
) -> None:
    api, user_id = client
    ids = await sender.send(user_id, *(subscriber.url(f"/{uuid4()}") for _ in range(5)))

    first = (await api.get(PATH, limit=2)).json
    await sender.send(user_id, subscriber.url(f"/{uuid4()}"))
    seen, cursor = first["items"], first["next_cursor"]
    while cursor is not None:
        page = (await api.get(PATH, limit=2, cursor=cursor)).json
        seen, cursor = seen + page["items"], page["next_cursor"]

    assert len(seen) == 5
    assert {each["id"] for each in seen} == {str(each) for each in ids}


async def test_a_list_can_be_narrowed(
    client: tuple[Api, UUID], sender: Sender, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    api, user_id = client
    await portal.put_documents(number, DocumentSpec())
    job_id = (await api.process(number, webhook_url=subscriber.url(f"/{number}"))).json["job_id"]
    (other,) = await sender.send(user_id, subscriber.url(f"/{uuid4()}"))
    mine = (await delivery_of(api, number))["id"]
    for delivery_id in (mine, str(other)):
        await until(api, delivery_id, status="delivered")
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    async def ids(**filters: Any) -> list[str]:
        return [each["id"] for each in (await api.get(PATH, **filters)).json["items"]]

    assert await ids(job_id=job_id) == [mine]
    assert await ids(status="delivered") == [str(other), mine]
    assert await ids(status="failed") == []
    assert await ids(since=later) == []
    assert await ids(since="2020-01-01T00:00:00Z", status="delivered", job_id=job_id) == [mine]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "lost"),
        ("job_id", "1"),
        ("since", "yesterday"),
        ("since", "2026-01-01T00:00:00"),
        ("since", "0001-01-01T00:00:00+14:00"),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "x"),
        ("cursor", "x"),
        ("cursor", "bnVsbA=="),
        ("cursor", "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwiMTIzZTQ1NjctZTg5Yi0xMmQzLWE0NTYtNDI2NjE0MTc0MDAwIl0="),
    ],
)
async def test_a_parameter_that_cannot_be_read_is_named(api: Api, name: str, value: str) -> None:
    parameters: dict[str, Any] = {name: value}

    answer = await api.get(PATH, **parameters)

    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert [each["field"] for each in answer.json["errors"]] == [name]


async def test_one_more_attempt_is_made_of_a_failed_delivery_and_closes_it(
    client: tuple[Api, UUID], sender: Sender, subscriber: Subscriber
) -> None:
    api, user_id = client
    path = f"/{uuid4()}"
    subscriber.answer(path, *EXHAUSTING)
    (delivery_id,) = await sender.send(user_id, subscriber.url(path))
    await until(api, str(delivery_id), status="failed", attempts=4)

    answer = await api.post(f"{PATH}/{delivery_id}/resend")

    assert (answer.status, answer.json["id"], answer.json["status"]) == (202, str(delivery_id), "failed")
    assert answer.json["resend_requested_at"] is not None
    calls = await subscriber.wait_for(path, 5)
    assert len({call.headers["webhook-id"] for call in calls}) == 1
    assert calls[-1].headers["X-Webhook-Attempt"] == "5"
    await until(api, str(delivery_id), status="delivered", attempts=5, resend_requested_at=None)


async def test_a_delivered_one_is_sent_again_and_stays_delivered(
    client: tuple[Api, UUID], sender: Sender, subscriber: Subscriber
) -> None:
    api, user_id = client
    path = f"/{uuid4()}"
    (delivery_id,) = await sender.send(user_id, subscriber.url(path))
    before = await until(api, str(delivery_id), status="delivered")
    subscriber.answer(path, 500)

    assert (await api.post(f"{PATH}/{delivery_id}/resend")).status == 202

    await subscriber.wait_for(path, 2)
    after = await until(api, str(delivery_id), attempts=2)
    assert (after["status"], after["completed_at"]) == ("delivered", before["completed_at"])


async def test_nothing_is_sent_before_the_job_has_ended(
    client: tuple[Api, UUID], portal: Portal, subscriber: Subscriber, number: str
) -> None:
    api, _user_id = client
    await portal.put_documents(number, DocumentSpec())
    await portal.hold(number)
    await api.process(number, webhook_url=subscriber.url(f"/{number}"))
    waiting = await delivery_of(api, number)

    answer = await api.post(f"{PATH}/{waiting['id']}/resend")

    assert (waiting["status"], waiting["type"], waiting["attempts"]) == ("waiting", None, [])
    assert (answer.status, answer.json["code"]) == (409, "delivery_not_due")
    await portal.let_go(number)
    await until(api, waiting["id"], status="delivered")


async def test_what_has_failed_is_recovered_of_the_own_ones_only(
    client: tuple[Api, UUID], other_client: Api, sender: Sender, subscriber: Subscriber
) -> None:
    api, user_id = client
    paths = [f"/{uuid4()}" for _ in range(6)]
    for path in paths:
        subscriber.answer(path, 410)
    ids = await sender.send(user_id, *map(subscriber.url, paths))
    for delivery_id in ids:
        await until(api, str(delivery_id), status="failed")
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()

    assert (await other_client.post(f"{PATH}/recover", {"since": since})).json == {"recovered": 0}
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await api.post(f"{PATH}/recover", {"since": later})).json == {"recovered": 0}
    answer = await api.post(f"{PATH}/recover", {"since": since})

    assert (answer.status, answer.json) == (202, {"recovered": 6})
    for path, delivery_id in zip(paths, ids, strict=True):
        await subscriber.wait_for(path, 2)
        await until(api, str(delivery_id), status="delivered", attempts=2)
    assert (await api.post(f"{PATH}/recover", {"since": since})).json == {"recovered": 0}


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "invalid_body", "since"),
        ({"since": 5}, "invalid_body", "since"),
        ({"since": "yesterday"}, "invalid_body", "since"),
        ({"since": "2026-01-01T00:00:00"}, "invalid_body", "since"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "invalid_body", ""),
        ([], "invalid_body", ""),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_with_the_member_that_is_wrong(
    api: Api, body: Any, code: str, field: str
) -> None:
    answer = await api.post(f"{PATH}/recover", body)

    assert (answer.status, answer.json["code"]) == (400, code)
    assert [each["field"] for each in answer.json["errors"]] == [field]


async def test_a_body_that_is_no_json_or_too_large_is_refused(api: Api) -> None:
    for content in (b"", b"{", b"not json"):
        answer = await api.post(f"{PATH}/recover", content)
        assert (answer.status, answer.json["code"]) == (400, "invalid_json"), content
    form = await api.post(f"{PATH}/recover", b"since=1", headers={"Content-Type": "application/x-www-form-urlencoded"})
    large = await api.post(f"{PATH}/recover", b" " * (1024 * 1024 + 1))

    assert (form.status, form.json["code"]) == (415, "unsupported_media_type")
    assert (large.status, large.json["code"]) == (413, "body_too_large")
    assert large.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("get", "/00000000-0000-4000-8000-000000000000"),
        ("post", "/00000000-0000-4000-8000-000000000000/resend"),
        ("post", "/recover"),
    ],
)
async def test_without_a_key_nothing_is_shown(api: Api, method: str, path: str) -> None:
    stranger = Api(api.session, api.base_url, None)

    answer = await getattr(stranger, method)(PATH + path)

    assert (answer.status, answer.json["code"]) == (401, "unauthorized")
