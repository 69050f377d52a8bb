"""Links to one case for somebody without a key."""

import re

import pytest

from service.database.connection import Database
from service.local.simulator import DocumentSpec
from tests.support.http.api import Api
from tests.support.http.browser import Browser, Seen
from tests.support.portal import Portal


@pytest.fixture
async def case(browser: Browser, client: Api, portal: Portal, number: str) -> str:
    """The path of a case that is complete."""
    await portal.put_documents(number, DocumentSpec(name="Petição"))
    await browser.post("/console/cases", {"numbers": number})
    await client.ended(number)
    return f"/console/cases/{number}"


async def link_of(browser: Browser, case: str, **fields: str) -> str:
    """Make a link, and return its token."""
    made = await browser.post(f"{case}/shares", {"days": "7", **fields})
    assert made.location == f"{case}/shares?done=shared"
    page = await browser.get(made.location)
    assert "token=" not in (await browser.get(f"{case}/shares")).text
    return str(re.findall(r"/console/shared\?token=([\w-]+)", page.text)[0])


async def entered(stranger: Browser, token: str) -> Seen:
    """Open a link as a person does: look at it, press the button."""
    assert "Open the case" in (await stranger.get(f"/console/shared?token={token}")).words
    return await stranger.post("/console/shared", {"token": token})


async def test_somebody_without_a_key_sees_the_case_and_nothing_else(
    browser: Browser, client: Api, case: str, number: str
) -> None:
    token, stranger = await link_of(browser, case), Browser.of(client)
    opened = await entered(stranger, token)
    page = await stranger.get(opened.location)
    (document,) = re.findall(rf'href="({opened.location}/documents/[0-9a-f-]+)"', page.text)
    file = await stranger.get(document)

    assert (opened.status, page.status, file.status) == (303, 200, 302)
    assert number in page.words
    assert "Petição" in page.words
    assert "<form" not in page.text
    content, _ = await client.download(file.location)
    assert content
    for path in (case, "/console/cases", f"{case}/shares", "/console"):
        assert (await stranger.get(path)).location.startswith("/console/login")
    assert (await Browser.of(client).get(opened.location)).status == 404


async def test_a_link_for_one_use_opens_in_one_browser(browser: Browser, client: Api, case: str) -> None:
    token = await link_of(browser, case, single="yes")
    first, second = Browser.of(client), Browser.of(client)
    opened = await entered(first, token)
    refused = await entered(second, token)
    second.cookies["autos_share"] = token

    assert (await first.get(opened.location)).status == 200
    assert (await first.get(opened.location)).status == 200
    assert refused.status == 404
    assert "was opened already" in refused.words
    assert (await second.get(opened.location)).status == 404


async def test_a_link_ends_when_it_is_revoked_or_expires(
    browser: Browser, client: Api, case: str, database: Database, number: str
) -> None:
    stranger = Browser.of(client)
    opened = await entered(stranger, await link_of(browser, case))
    (revoke,) = re.findall(r'action="(/console/shares/[0-9a-f-]+/revoke)"', (await browser.get(f"{case}/shares")).text)
    revoked = await browser.post(revoke)
    after = await stranger.get(opened.location)
    token = await link_of(browser, case)
    again = await entered(stranger, token)
    before_end = await stranger.get(again.location)
    async with database.connection() as connection:
        digits = number.replace("-", "").replace(".", "")
        await connection.execute(
            "UPDATE case_shares SET expires_at = now() WHERE process_number = :number", {"number": digits}
        )

    assert revoked.location == f"{case}/shares?done=share_ended"
    assert (after.status, before_end.status, (await stranger.get(again.location)).status) == (404, 200, 404)
    assert (await browser.post(revoke)).status == 404


async def test_only_its_owner_may_end_a_link(browser: Browser, other_client: Api, case: str) -> None:
    await link_of(browser, case)
    (revoke,) = re.findall(r'action="(/console/shares/[0-9a-f-]+/revoke)"', (await browser.get(f"{case}/shares")).text)
    other = await Browser.of(other_client).log_in(other_client.api_key)

    assert (await other.post(revoke)).status == 404
    assert "No links yet." in (await other.get(f"{case}/shares")).words


@pytest.mark.parametrize("days", ["", "0", "365", "x"])
async def test_a_link_lives_as_long_as_the_form_offers(browser: Browser, case: str, days: str) -> None:
    assert (await browser.post(f"{case}/shares", {"days": days})).status == 422
