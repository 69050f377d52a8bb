"""Sessions of the console: begun with a key, ended by everything that should end them."""

from tests.support.http.api import Api
from tests.support.http.browser import Browser


async def test_a_key_opens_the_console_and_the_session_is_not_the_key(client: Api) -> None:
    browser = Browser.of(client)
    asked = await browser.get("/console/keys")
    form = await browser.get(asked.location)
    entered = await browser.post("/console/login", {"key": client.api_key, "next": "/console/keys"})
    page = await browser.get(entered.location)

    assert (asked.status, asked.location) == (303, "/console/login?next=%2Fconsole%2Fkeys")
    assert 'value="/console/keys"' in form.text
    assert (entered.status, entered.location, page.status) == (303, "/console/keys", 200)
    assert str(client.api_key) not in str(browser.cookies)
