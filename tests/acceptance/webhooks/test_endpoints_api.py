"""Endpoints of accounts as clients see them, and the events that come to them."""

from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from service.database.connection import Database
from service.database.deliveries.endpoint_list import ENDPOINTS_MAX
from service.local.simulator import DocumentSpec
from tests.support.deliveries.deliveries import add_user
from tests.support.http.api import Answer, Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Received, Subscriber

PATH = "/api/v1/webhooks/endpoints"
DELIVERIES = "/api/v1/webhooks/deliveries"
ALL: dict[str, Any] = {"events": ["*"]}


def verified(received: Received, secret: str) -> Any:
    """What came, if this secret signed it; raises otherwise."""
    headers = {name.lower(): value for name, value in received.headers.items()}
    return Webhook(secret).verify(received.body, headers)


async def endpoint(client: Api, url: str, **more: Any) -> Any:
    """A new endpoint."""
    made = await client.post(PATH, {"url": url} | ALL | more)
    assert made.status == 201, made
    return made.json


def fields(answer: Answer) -> list[str]:
    """The members that a refusal names."""
    return [each["field"] for each in answer.json["errors"]]


async def test_an_event_comes_signed_with_the_secret_of_the_endpoint(
    client: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    path = f"/{uuid4()}"
    made = await endpoint(client, subscriber.url(path), description="x")
    await portal.put_documents(number, DocumentSpec())

    await client.process(number)

    (received,) = await subscriber.wait_for(path)
    event = verified(received, made["secret"])
    assert (event["type"], event["process_number"][:7]) == ("process.completed", number[:7])
    (delivery,) = (await client.get(DELIVERIES, endpoint_id=made["id"])).json["items"]
    assert (delivery["endpoint_id"], delivery["webhook_id"]) == (made["id"], received.headers["webhook-id"])


async def test_a_url_that_stood_in_the_request_too_gets_one_event_that_both_secrets_sign(
    client: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    path = f"/{uuid4()}"
    made = await endpoint(client, subscriber.url(path))
    own = (await client.get("/api/v1/webhooks/secret")).json["secret"]
    await portal.put_documents(number, DocumentSpec())

    await client.process(number, webhook_url=subscriber.url(path))

    (received,) = await subscriber.wait_for(path)
    assert verified(received, made["secret"]) == verified(received, own)
    await client.ended(number)
    (delivery,) = (await client.get(DELIVERIES)).json["items"]
    assert delivery["endpoint_id"] == made["id"]


async def test_an_endpoint_is_made_shown_changed_and_deleted(client: Api) -> None:
    made = await endpoint(client, "https://hooks.example.com/a", events=["process.failed"], description="first")
    place = f"{PATH}/{made['id']}"
    secret = made.pop("secret")
    assert (made["is_enabled"], made["disabled_reason"], made["failing_since"]) == (True, None, None)

    assert (await client.get(place)).json == made
    assert (await client.get(PATH)).json == {"items": [made], "next_cursor": None}
    shown = await client.get(f"{place}/secret")
    assert (shown.json["secret"], shown.headers["Cache-Control"]) == (secret, "no-store")

    changed = await client.patch(place, {"description": None, "events": ["*"], "url": "https://hooks.example.com/b"})
    assert changed.json == made | {"description": None, "events": ["*"], "url": "https://hooks.example.com/b"}
    off = await client.patch(place, {"is_enabled": False})
    assert (off.json["is_enabled"], off.json["disabled_reason"]) == (False, "requested")
    assert (await client.patch(place, {})).json == off.json
    assert (await client.patch(place, {"is_enabled": True})).json == changed.json

    rotated = await client.post(f"{place}/secret/rotate")
    assert rotated.json["previous_secrets"] == [secret]
    assert (await client.get(f"{place}/secret")).json == rotated.json

    assert (await client.delete(place)).status == 204
    for gone in (await client.delete(place), await client.get(place), await client.get(f"{place}/secret")):
        assert (gone.status, gone.json["code"]) == (404, "endpoint_not_found")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"events": []}, "events"),
        ({"events": "*"}, "events"),
        ({"events": None}, "events"),
        ({"events": ["process.finished"]}, "events[0]"),
        ({"events": ["webhook.test"]}, "events[0]"),
        ({"events": ["process.failed", None]}, "events[1]"),
        ({"events": ["process.failed", "process.failed"]}, "events"),
        ({"events": ["*", "*"]}, "events"),
        ({"events": ["*", "process.failed"]}, "events"),
        ({"url": None}, "url"),
        ({"url": ""}, "url"),
        ({"url": "http://127.0.0.1:22/"}, "url"),
        ({"url": "https://user:secret@hooks.example.com/"}, "url"),
        ({"description": "x" * 201}, "description"),
        ({"description": "a\x00b"}, "description"),
        ({"is_enabled": None}, "is_enabled"),
        ({"is_enabled": "yes"}, "is_enabled"),
        ({"secret": "whsec_x"}, "secret"),
    ],
)
async def test_what_is_no_endpoint_is_refused_with_the_member_that_is_wrong(
    client: Api, wrong: dict[str, Any], field: str
) -> None:
    url = "https://hooks.example.com/"
    made = await client.post(PATH, {"url": url} | ALL | wrong)
    assert (made.status, fields(made)) == (400, [field])
    known = await endpoint(client, url)
    del known["secret"]

    changed = await client.patch(f"{PATH}/{known['id']}", wrong)

    assert (changed.status, fields(changed)) == (400, [field])
    assert (await client.get(PATH)).json["items"] == [known]


@pytest.mark.parametrize("missing", ["url", "events"])
async def test_a_new_endpoint_needs_a_url_and_events(client: Api, missing: str) -> None:
    body = {"url": "https://hooks.example.com/"} | ALL
    del body[missing]

    made = await client.post(PATH, body)

    assert (made.status, fields(made)) == (400, [missing])


async def test_a_user_has_one_endpoint_for_a_url_and_only_so_many(client: Api) -> None:
    first = await endpoint(client, "https://HOOKS.example.com:443/0")
    assert first["url"] == "https://hooks.example.com/0"
    again = await client.post(PATH, {"url": "https://hooks.example.com/0"} | ALL)
    assert (again.status, again.json["code"]) == (409, "endpoint_exists")
    for place in range(1, ENDPOINTS_MAX):
        second = await endpoint(client, f"https://hooks.example.com/{place}")
    taken = await client.patch(f"{PATH}/{second['id']}", {"url": first["url"]})
    assert (taken.status, taken.json["code"]) == (409, "endpoint_exists")

    more = await client.post(PATH, {"url": "https://hooks.example.com/more"} | ALL)

    assert (more.status, more.json["code"]) == (409, "too_many_endpoints")
    page = (await client.get(PATH, limit=15)).json
    rest = (await client.get(PATH, limit=15, cursor=page["next_cursor"])).json
    assert len({each["id"] for each in page["items"] + rest["items"]}) == ENDPOINTS_MAX
    assert rest["next_cursor"] is None


async def test_a_test_is_signed_by_the_endpoint_also_while_it_is_off(client: Api, subscriber: Subscriber) -> None:
    path = f"/{uuid4()}"
    made = await endpoint(client, subscriber.url(path))
    await client.patch(f"{PATH}/{made['id']}", {"is_enabled": False})

    tested = await client.post(f"{PATH}/{made['id']}/test")

    assert (tested.status, tested.json["delivered"]) == (200, True)
    (received,) = await subscriber.wait_for(path)
    assert verified(received, made["secret"])["type"] == "webhook.test"
    assert received.headers["webhook-id"] == tested.json["webhook_id"]


async def test_the_receiver_for_tests_knows_the_secrets_of_endpoints(client: Api) -> None:
    receiver = f"{client.base_url}/api/v1/webhooks/webhook-test-receiver"
    made = await endpoint(client, receiver)

    tested = await client.post(f"{PATH}/{made['id']}/test")

    assert '"signature_valid":true' in tested.json["answer"], tested


async def test_an_endpoint_that_is_off_is_neither_told_nor_sent_again(
    client: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    path = f"/{uuid4()}"
    made = await endpoint(client, subscriber.url(path))
    await portal.put_documents(number, DocumentSpec())
    await client.process(number)
    await subscriber.wait_for(path)
    (delivery,) = (await client.get(DELIVERIES, endpoint_id=made["id"])).json["items"]
    await client.patch(f"{PATH}/{made['id']}", {"is_enabled": False})

    refused = await client.post(f"{DELIVERIES}/{delivery['id']}/resend")

    assert (refused.status, refused.json["code"]) == (409, "endpoint_disabled")
    await client.patch(f"{PATH}/{made['id']}", {"is_enabled": True})
    assert (await client.post(f"{DELIVERIES}/{delivery['id']}/resend")).status == 202
    await subscriber.wait_for(path, 2)


async def test_deleting_an_endpoint_cancels_what_is_open_and_keeps_the_log(
    client: Api, database: Database, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    path = f"/{uuid4()}"
    subscriber.answer(path, 500, 500, 500, 500)
    made = await endpoint(client, subscriber.url(path))
    await portal.put_documents(number, DocumentSpec())
    await client.process(number)
    await subscriber.wait_for(path)

    await client.delete(f"{PATH}/{made['id']}")

    (delivery,) = (await client.get(DELIVERIES, endpoint_id=made["id"])).json["items"]
    assert delivery["status"] in {"cancelled", "failed"}
    refused = await client.post(f"{DELIVERIES}/{delivery['id']}/resend")
    assert (refused.status, refused.json["code"]) == (409, "endpoint_disabled")
    stranger = client.with_key((await add_user(database))[1])
    assert (await stranger.get(DELIVERIES, endpoint_id=made["id"])).json["items"] == []
