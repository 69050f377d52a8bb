"""The pages of cases in a real browser: they follow the work without a reload, and ask nobody else."""

import shutil
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.acceptance.console.conftest import browser_of
from tests.browser.chromium import Tab, running_chromium
from tests.support.deliveries.deliveries import add_user, open_pool
from tests.support.http.api import Api
from tests.support.portal import Portal

CHROMIUM = shutil.which("chromium")
PERCENT = "document.querySelector('[data-percent]')?.textContent"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here; to install one takes root"),
]


@pytest.fixture
async def client(api: Api, database_url: str) -> Api:
    """A new user."""
    async with open_pool(database_url) as pool:
        return api.with_key((await add_user(pool))[1])


@pytest.fixture
async def tab(
    client: Api, database_url: str, session: aiohttp.ClientSession, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Tab]:
    """A browser in which the user is logged in."""
    async with open_pool(database_url) as pool:
        cookies = (await browser_of(client, pool)).cookies
    async with running_chromium(CHROMIUM or "", tmp_path_factory.mktemp("profile"), session) as opened:
        for name, value in cookies.items():
            await opened.call(
                "Network.setCookie", url=client.base_url, name=name, value=value, httpOnly=True, sameSite="Strict"
            )
        await opened.call("Network.enable")
        await opened.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": "pt-BR"})
        yield opened


async def at(tab: Tab, url: str) -> None:
    """Open a page and wait until its script runs."""
    await tab.open(url)
    await tab.until("document.readyState === 'complete' && document.querySelector('main') !== null")


async def press(tab: Tab, selector: str) -> None:
    """Press a button whose form leads to another page, and wait for that page."""
    await tab.evaluate("window.before = true")
    await tab.evaluate(f"document.querySelector({selector!r}).click()")
    await tab.until("window.before === undefined && document.readyState === 'complete'")


def assert_quiet(tab: Tab, client: Api) -> None:
    """Nothing was refused by the page's policy, no script failed, and nobody else was asked."""
    asked = [urlsplit(each["request"]["url"]) for each in tab.told("Network.requestWillBeSent")]
    assert {f"{url.scheme}://{url.netloc}" for url in asked if url.scheme != "data"} == {client.base_url}
    issues = [each["issue"] for each in tab.told("Audits.issueAdded")]
    assert [each for each in issues if each["code"] == "ContentSecurityPolicyIssue"] == []
    assert tab.told("Runtime.exceptionThrown") == []
    assert [each for each in tab.told("Log.entryAdded") if each["entry"]["level"] == "error"] == []


async def test_a_case_that_is_asked_for_reaches_its_end_without_a_reload(
    tab: Tab, client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=2), DocumentSpec(origin_id="late"))
    await portal.hold(number, "late")
    await at(tab, f"{client.base_url}/console/cases")
    await tab.evaluate(f"document.querySelector('#numbers').value = {number!r}")
    await press(tab, "form[method=post] button:not(.quiet)")
    await tab.until(f"{PERCENT}?.startsWith('66')")
    assert await tab.evaluate("document.querySelectorAll('progress.bar').length") <= 1

    await tab.evaluate("window.same = true")
    await portal.let_go(number, "late")
    await client.ended(number)
    await tab.until(f"{PERCENT}?.startsWith('100')")

    assert await tab.evaluate("window.same")
    assert await tab.evaluate("document.querySelectorAll('section[data-live=documents] a[target]').length") == 3
    assert_quiet(tab, client)


async def test_a_document_that_failed_is_retried_and_seen_to_arrive(
    tab: Tab, client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(), DocumentSpec(origin_id="bad"))
    await portal.fail_document(number, "bad", Fault(kind=FaultKind.NOT_FOUND_404, times=FOR_EVER))
    await client.process(number)
    await client.ended(number)
    await at(tab, f"{client.base_url}/console/cases/{number}")
    assert "não existe" in await tab.evaluate("document.querySelector('.reason').textContent")
    await portal.let_go(number, "bad")

    await press(tab, "section[data-live=documents] form button")
    await tab.until("document.querySelectorAll('section[data-live=documents] a[target]').length === 2")

    assert_quiet(tab, client)
