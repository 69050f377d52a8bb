"""The pages of jobs, webhooks and monitors, as a browser without scripts sees them."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web

from service.local.simulator import DocumentSpec
from tests.support.http.api import Api
from tests.support.http.browser import Browser
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber


@dataclass
class Receiver:
    """A receiver of webhooks that answers with a body."""

    url: str = ""
    status: int = 200
    body: str = ""

    async def handle(self, _request: web.Request) -> web.Response:
        """aiohttp's handler."""
        return web.Response(status=self.status, text=self.body, content_type="text/html")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver, application = Receiver(), web.Application()
    application.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


async def test_a_running_job_is_seen_and_cancelled_and_retried(
    browser: Browser, client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await portal.hold(number)
    await browser.post("/console/cases", {"numbers": number})
    page = await browser.get("/console/jobs")
    (cancel,) = re.findall(r'action="(/console/jobs/[0-9a-f-]+/cancel)"', page.text)

    cancelled = await browser.post(cancel)
    after = await browser.get("/console/jobs?status=cancelled")
    of_case = await browser.get(f"/console/cases/{number}/jobs")

    assert (cancelled.status, cancelled.location) == (303, "/console/jobs?done=job_cancelled")
    assert (await browser.post(cancel)).location == "/console/jobs?done=job_cancelled"
    for seen in (page, after, of_case):
        assert number in seen.words
    await portal.let_go(number)
    retried = await browser.post(f"/console/cases/{number}/retry")
    assert retried.location == f"/console/cases/{number}?done=case_retried"
    assert (await client.ended(number))["status"] == "completed"
    again = await browser.post(f"/console/cases/{number}/retry")
    assert again.location == f"/console/cases/{number}?done=nothing_missing"


async def test_jobs_and_deliveries_of_others_are_not_there(
    browser: Browser, api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    url = subscriber.url("/others")
    await portal.put_documents(number, DocumentSpec())
    job_id = (await api.process(number, webhook_url=url)).json["job_id"]
    await api.ended(number)
    found = await api.get("/api/v1/webhooks/deliveries", job_id=job_id)
    (delivery_id,) = [each["id"] for each in found.json["items"]]

    lists = [await browser.get(f"/console/{name}") for name in ("jobs?status=completed", "webhooks")]
    parts = [await browser.get(f"/console/cases/{number}/{name}") for name in ("jobs", "webhooks")]
    delivery = await browser.get(f"/console/webhooks/deliveries/{delivery_id}")
    posts = [
        await browser.post(f"/console/webhooks/deliveries/{delivery_id}/resend"),
        await browser.post(f"/console/webhooks/deliveries/{delivery_id}/cancel"),
        await browser.post(f"/console/jobs/{job_id}/cancel"),
    ]

    assert all(number not in each.words for each in lists)
    assert "No job of yours" in parts[0].words
    assert "No delivery of yours" in parts[1].words
    assert [each.status for each in (delivery, *posts)] == [404] * 4


async def test_a_failed_delivery_is_found_read_and_sent_again(
    browser: Browser, client: Api, portal: Portal, receiver: Receiver, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    receiver.status, receiver.body = 500, "<script>alert('no')</script>"
    await client.process(number, webhook_url=receiver.url)
    await client.ended(number)
    await until_listed(browser, number, "failed")
    found = await browser.get(f"/console/webhooks?status=failed&case={number}")
    (link,) = set(re.findall(r'href="(/console/webhooks/deliveries/[0-9a-f-]+)"', found.text))
    page = await browser.get(link)

    assert "Attempt 4" in page.words
    assert "answer 500" in page.words
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text
    receiver.status = 200
    resent = await browser.post(f"{link}/resend")
    assert (resent.status, resent.location) == (303, f"{link}?done=resent")
    await until_listed(browser, number, "delivered")


async def until_listed(browser: Browser, number: str, status: str) -> None:
    """Wait until the only delivery of a case has a status."""
    async with asyncio.timeout(60):
        while True:
            page = await browser.get(f"/console/webhooks?status={status}&case={number}")
            if "No such delivery" not in page.words:
                return
            await asyncio.sleep(0.1)


async def test_a_recovery_says_first_how_many_there_are(browser: Browser, client: Api) -> None:
    empty = await browser.get("/console/webhooks/recover?since=2020-01-01T00:00")
    wrong = await browser.get("/console/webhooks/recover?since=soon")
    sent = await browser.post("/console/webhooks/recover", {"since": "2020-01-01T00:00"})
    refused = await browser.post("/console/webhooks/recover", {"since": "soon"})

    assert "No delivery has failed since then." in empty.words
    assert "Give a date and a time." in wrong.words
    assert (sent.location, refused.status) == ("/console/webhooks?done=recovered", 422)


async def test_the_secret_is_shown_on_demand_and_rotated(browser: Browser, client: Api) -> None:
    secret = (await client.get("/api/v1/webhooks/secret")).json["secret"]
    hidden = await browser.get("/console/webhooks/secret")
    shown = await browser.get("/console/webhooks/secret?show=yes")
    rotated = await browser.post("/console/webhooks/secret/rotate")
    after = await browser.get("/console/webhooks/secret?show=yes")

    assert (secret in hidden.text, secret in shown.text, rotated.status) == (False, True, 303)
    assert re.findall("whsec_[^ <]+", after.text)[1:] == [secret]


async def test_a_url_is_tried_and_the_answer_is_text(browser: Browser, receiver: Receiver) -> None:
    receiver.body = "<b>hello</b>"

    tried = await browser.post("/console/webhooks/test", {"url": receiver.url})
    refused = await browser.post("/console/webhooks/test", {"url": "ftp://example.com"})

    assert tried.status == 200
    assert "Delivered: the receiver answered 200." in tried.words
    assert "<b>hello" not in tried.text
    assert refused.status == 400


async def test_a_case_is_watched_checked_and_no_longer_watched(
    browser: Browser, client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await browser.post("/console/cases", {"numbers": number})
    await client.ended(number)
    case = f"/console/cases/{number}"

    watched = await browser.post(f"{case}/watch", {"every": "6h"})
    page, listed = await browser.get(case), await browser.get("/console/monitors")
    checked = await browser.post(f"{case}/check")
    wrong = await browser.post(f"{case}/watch", {"every": "1m"})
    ended = await browser.post(f"{case}/unwatch")

    assert watched.location == f"{case}?done=watched"
    assert "Watched: the portal is asked every 6 h." in page.words
    assert number in listed.words
    assert (checked.status, wrong.status) == (303, 422)
    assert ended.location == "/console/monitors?done=unwatched"
    assert (await browser.post(f"{case}/unwatch")).status == 404
    assert "No case is watched." in (await browser.get("/console/monitors")).words


async def test_an_endpoint_is_added_tried_switched_off_and_deleted(browser: Browser, receiver: Receiver) -> None:
    added = await browser.post("/console/webhooks/endpoints", {"url": receiver.url, "events": "process.failed"})
    path = added.location.partition("?")[0]
    hidden, shown = await browser.get(path), await browser.get(f"{path}?show=yes")
    again = await browser.post("/console/webhooks/endpoints", {"url": receiver.url})
    wrong = await browser.post("/console/webhooks/endpoints", {"url": "ftp://example.com/<b>"})
    tried = await browser.post(f"{path}/test")
    off = await browser.post(f"{path}/switch", {"enabled": "no"})
    after = await browser.get(path)
    rotated = await browser.post(f"{path}/rotate")
    listed = await browser.get("/console/webhooks/endpoints")
    deleted = await browser.post(f"{path}/delete")

    assert ("whsec_" in hidden.text, "whsec_" in shown.text) == (False, True)
    assert (again.status, wrong.status) == (409, 400)
    assert "Delivered: the receiver answered 200." in tried.words
    assert (off.location, rotated.status) == (f"{path}?done=endpoint_off", 303)
    assert "Off: switched off by a person" in after.words
    assert receiver.url in listed.words
    assert deleted.location == "/console/webhooks/endpoints?done=endpoint_deleted"
    assert (await browser.get(path)).status == 404


async def test_an_endpoint_of_another_user_is_not_there(browser: Browser, api: Api, receiver: Receiver) -> None:
    body = {"url": receiver.url, "events": ["*"]}
    made = (await api.post("/api/v1/webhooks/endpoints", body)).json["id"]
    path = f"/console/webhooks/endpoints/{made}"

    page = await browser.get(path)
    posts = [await browser.post(f"{path}/{action}") for action in ("test", "switch", "rotate", "delete")]

    assert [each.status for each in (page, *posts)] == [404] * 5
    await api.delete(f"/api/v1/webhooks/endpoints/{made}")
