"""Every page of the console in a real browser: in both themes, wide and on a telephone, by keyboard."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from service.console.framework.declarations import ConsoleRoute
from service.console.routes import CONSOLE_ROUTES
from service.local.simulator import DocumentSpec
from tests.browser.chromium import Tab, running_chromium
from tests.browser.pages import axe_source, expect_own, go, prefer, press, violations
from tests.support.http.api import Api
from tests.support.numbers import process_numbers
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

CHROMIUM = shutil.which("chromium")
TELEPHONE, DESK = 375, 1280  # CSS pixels
TAB, ENTER = 9, 13  # codes of keys
#: Paths that show no page: streams, files, and links that lead on.
NO_PAGES = {
    "/console/preferences",
    "/console/login",
    "/console/cases/{number}/events",
    "/console/cases/{number}/archive",
    "/console/cases/{number}/documents/{document_id}",
    # `test_console_shares.py` opens them without a key.
    "/console/shared/{share_id}",
    "/console/shared/{share_id}/archive",
    "/console/shared/{share_id}/documents/{document_id}",
}
PAGES = [
    each.path
    for each in CONSOLE_ROUTES
    if isinstance(each, ConsoleRoute) and "GET" in each.declared and each.path not in NO_PAGES
]

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here; to install one takes root"),
]


@pytest.fixture(scope="module")
async def ids(api: Api, portal: Portal, subscriber: Subscriber) -> dict[str, str]:
    """A case with a failed document, and a delivery of it."""
    number = next(process_numbers("777"))
    failing = DocumentSpec(name="Sentença", binary_href=False, text_href=False)
    await portal.put_documents(number, DocumentSpec(count=3, name="Petição inicial"), failing)
    await api.process(number, webhook_url=subscriber.url(f"/{number}"))
    await api.ended(number)
    (delivery,) = (await api.get("/api/v1/webhooks/deliveries", limit="1")).json["items"]
    me = (await api.get("/api/v1/users/me")).json
    wanted = {"url": subscriber.url("/endpoint"), "events": ["process.completed"]}
    endpoint = (await api.post("/api/v1/webhooks/endpoints", wanted)).json
    return {"number": number, "user_id": me["id"], "delivery_id": delivery["id"], "endpoint_id": endpoint["id"]}


@pytest.fixture(scope="module")
async def tab(api: Api, session: aiohttp.ClientSession, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tab]:
    """A browser that has logged in by the keyboard alone."""
    async with running_chromium(CHROMIUM or "", tmp_path_factory.mktemp("profile"), session) as opened:
        await opened.open(f"{api.base_url}/console/keys")
        await opened.until("document.querySelector('#key') !== null && document.readyState === 'complete'")
        while await opened.evaluate("document.activeElement.id") != "key":
            await press(opened, "Tab", TAB)
        await opened.call("Input.insertText", text=api.api_key)
        await press(opened, "Enter", ENTER, text="\r")
        await opened.until("location.pathname === '/console/keys' && document.readyState === 'complete'")
        yield opened


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
async def test_axe_finds_nothing_and_everything_fits(
    api: Api, tab: Tab, ids: dict[str, str], path: str, theme: str
) -> None:
    source = axe_source()
    for width in (DESK, TELEPHONE):
        await prefer(tab, theme=theme, width=width)
        await go(tab, api.base_url + path.format_map(ids))
        assert await tab.evaluate("document.querySelectorAll('h1').length") == 1
        assert await violations(tab, source) == []
        assert await tab.evaluate("document.documentElement.scrollWidth") <= width
    expect_own(tab, api.base_url)


async def test_what_nobody_is_logged_in_for(api: Api, session: aiohttp.ClientSession, tmp_path: Path) -> None:
    source = axe_source()
    async with running_chromium(CHROMIUM or "", tmp_path, session) as tab:
        await tab.open(f"{api.base_url}/console/login")
        await tab.until("document.readyState === 'complete' && document.querySelector('#key') !== null")
        for theme in ("light", "dark"):
            await prefer(tab, theme=theme, width=TELEPHONE)
            for path in ("/console/login", "/console/nothing", "/console/login?token=x"):
                await go(tab, api.base_url + path)
                assert await violations(tab, source) == []
        expect_own(tab, api.base_url)


async def test_the_keyboard_reaches_everything_and_the_focus_is_seen(api: Api, tab: Tab) -> None:
    await prefer(tab, theme="light", width=DESK)
    await go(tab, f"{api.base_url}/console/keys")
    wanted = await tab.evaluate(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary,"
        ' [tabindex="0"]\')].filter((each) => each.checkVisibility()).length'
    )
    reached = 0
    while True:
        await press(tab, "Tab", TAB)
        if not await tab.evaluate("document.activeElement !== document.body && !document.activeElement.seen"):
            break
        reached += 1
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert await tab.evaluate(f"document.activeElement.seen = true, {outline}") != "none"

    assert reached == wanted > 10
    assert await tab.evaluate("document.querySelector('.skip').getAttribute('href')") == "#content"


async def test_a_lost_connection_is_said_and_comes_back(api: Api, tab: Tab) -> None:
    await go(tab, f"{api.base_url}/console")
    shown = "!document.querySelector('#lost').hidden"
    assert not await tab.evaluate(shown)

    await tab.call(
        "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1
    )
    await tab.evaluate("dispatchEvent(new Event('online'))")
    await tab.until(shown)
    await tab.call(
        "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1
    )
    await tab.until(f"!({shown})")
