"""The pages of cases and of the work on them in a real browser: they follow the work without a reload."""

import shutil

import pytest

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.browser.chromium import Tab
from tests.browser.pages import axe_source, expect_own, prefer, violations
from tests.support.http.api import Api
from tests.support.http.browser import Browser
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

CHROMIUM = shutil.which("chromium")
PERCENT = "document.querySelector('[data-percent]')?.textContent"
OPEN_LINKS = "document.querySelectorAll('section[data-live=documents] a[target]').length"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here; to install one takes root"),
]


async def at(tab: Tab, url: str) -> None:
    """Open a page and wait until its script runs."""
    await tab.open(url)
    await tab.until("document.readyState === 'complete' && document.querySelector('main') !== null")


async def press(tab: Tab, selector: str) -> None:
    """Press a button whose form leads to another page, and wait for that page."""
    await tab.evaluate("window.isBefore = true")
    await tab.evaluate(f"document.querySelector({selector!r}).click()")
    await tab.until("window.isBefore === undefined && document.readyState === 'complete'")


async def test_a_case_that_is_asked_for_reaches_its_end_without_a_reload(
    user_tab: Tab, client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=2), DocumentSpec(origin_id="late"))
    await portal.hold(number, "late")
    await at(user_tab, f"{client.base_url}/console/cases")
    await user_tab.evaluate(f"document.querySelector('#numbers').value = {number!r}")
    await press(user_tab, "form[method=post] button:not(.quiet)")
    await user_tab.until(f"{PERCENT}?.startsWith('66')")

    await user_tab.evaluate("window.isSame = true")
    await portal.let_go(number, "late")
    await client.ended(number)
    await user_tab.until(f"{PERCENT}?.startsWith('100')")

    assert await user_tab.evaluate("window.isSame")
    assert await user_tab.evaluate(OPEN_LINKS) == 3
    expect_own(user_tab, client.base_url)


async def test_a_document_that_failed_is_retried_and_seen_to_arrive(
    user_tab: Tab, client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(), DocumentSpec(origin_id="bad"))
    await portal.fail_document(number, "bad", Fault(kind=FaultKind.NOT_FOUND_404, times=FOR_EVER))
    await client.process(number)
    await client.ended(number)
    await at(user_tab, f"{client.base_url}/console/cases/{number}")
    assert "não existe" in await user_tab.evaluate("document.querySelector('.reason').textContent")
    await portal.let_go(number, "bad")

    await press(user_tab, "section[data-live=documents] form button")
    await user_tab.until(f"{OPEN_LINKS} === 2")

    expect_own(user_tab, client.base_url)


async def test_a_failed_delivery_is_sent_again_and_seen_to_arrive(
    user_tab: Tab, client: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    path = f"/{number}"
    subscriber.answer(path, 500, 500, 500, 500)
    await portal.put_documents(number, DocumentSpec())
    await client.process(number, webhook_url=subscriber.url(path))
    await subscriber.wait_for(path, 4)
    await at(user_tab, f"{client.base_url}/console/webhooks")
    await user_tab.until("document.querySelector('section[data-live] .state.bad') !== null || location.reload()")
    link = await user_tab.evaluate("document.querySelector('section[data-live] th a').href")
    await at(user_tab, link)
    assert await user_tab.evaluate("document.querySelectorAll('article').length") == 4

    await press(user_tab, "section[data-live=delivery] form button")
    await user_tab.until("document.querySelector('section[data-live=delivery] .state').classList.contains('good')")

    assert len(subscriber.received(path)) == 5
    expect_own(user_tab, client.base_url)


async def test_what_is_filed_in_a_watched_case_appears(user_tab: Tab, client: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec())
    await client.process(number)
    await client.ended(number)
    await at(user_tab, f"{client.base_url}/console/cases/{number}")
    await press(user_tab, "form[action$='/watch'] button")
    await portal.file_document(number, name="Despacho novo")

    await press(user_tab, "form[action$='/check'] button")
    await user_tab.until(f"{OPEN_LINKS} === 2 && document.body.textContent.includes('Despacho novo')")


async def test_a_shared_case_opens_in_a_fresh_profile(
    browser: Browser, client: Api, portal: Portal, stranger: Tab, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=2))
    await client.process(number)
    await client.ended(number)
    await browser.post(f"/console/cases/{number}/shares", {"days": "1", "single": "yes"})
    page = await browser.get(f"/console/cases/{number}/shares")
    link = page.text.partition("<pre>")[2].partition("</pre>")[0]
    source = axe_source()

    await at(stranger, f"{client.base_url}/{link.partition('//')[2].partition('/')[2]}")
    assert await violations(stranger, source) == []
    await press(stranger, "main form button")
    assert number in await stranger.evaluate("document.querySelector('h1').textContent")
    assert await stranger.evaluate(OPEN_LINKS) == 2
    for theme in ("light", "dark"):
        await prefer(stranger, theme=theme, width=375)
        assert await violations(stranger, source) == []
        assert await stranger.evaluate("document.documentElement.scrollWidth") <= 375
    expect_own(stranger, client.base_url)
