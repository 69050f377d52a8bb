"""Clients cancel deliveries."""

from uuid import uuid4

from service.local.simulator import DocumentSpec
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

PATH = "/api/v1/webhooks/deliveries"


async def test_a_cancelled_delivery_is_not_sent_unless_a_person_asks_for_it(
    client: Api, api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await portal.hold(number)
    unwanted, wanted = (subscriber.url(f"/{number}/{name}") for name in ("unwanted", "wanted"))
    for url in (unwanted, wanted):
        await client.process(number, webhook_url=url)
    (delivery,) = [each for each in (await client.get(PATH)).json["items"] if each["webhook_url"] == unwanted]
    path = f"{PATH}/{delivery['id']}"

    answer = await client.post(f"{path}/cancel")
    # The request may be repeated.
    again = await api.post(f"{path}/cancel")
    await portal.let_go(number)
    await subscriber.wait_for(f"/{number}/wanted")

    assert (answer.status, answer.json["status"], answer.json["next_attempt_at"]) == (200, "cancelled", None)
    assert (again.status, again.json) == (200, answer.json)
    listed = (await client.get(PATH, status="cancelled")).json["items"]
    assert [(each["id"], each["attempts"]) for each in listed] == [(delivery["id"], [])]
    assert (await client.post(f"{PATH}/recover", {"since": delivery["created_at"]})).json == {"recovered": 0}
    assert subscriber.received(f"/{number}/unwanted") == []
    assert (await client.post(f"{path}/resend")).status == 202
    await subscriber.wait_for(f"/{number}/unwanted")


async def test_only_the_owner_and_an_administrator_may_stop_one(client: Api, other_client: Api) -> None:
    for answer in (await other_client.post(f"{PATH}/{uuid4()}/cancel"), await client.post(f"{PATH}/none/cancel")):
        assert (answer.status, answer.json["code"]) == (404, "delivery_not_found")
