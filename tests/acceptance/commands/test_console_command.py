"""`autos console`, as operators type it."""

from tests.support.commands import assert_refused, run_autos
from tests.support.http.api import Api
from tests.support.http.browser import Browser


async def test_it_prints_an_address_that_opens_the_console_once(environment: dict[str, str], client: Api) -> None:
    name = (await client.get("/api/v1/users/me")).json["name"]
    own = environment | {"PUBLIC_URL": client.base_url}

    (address,) = (await run_autos(own, "console", name)).stdout.splitlines()
    browser = Browser.of(client)
    entered = await browser.get(address.removeprefix(client.base_url))

    assert (entered.status, entered.location) == (303, "/console")
    assert name in (await browser.get("/console")).words
    assert (await Browser.of(client).get(address.removeprefix(client.base_url))).status == 410


async def test_it_says_why_there_is_no_address(environment: dict[str, str], client: Api) -> None:
    assert_refused(await run_autos(environment, "console", "nobody of this name"), "there is no such user")
    off = environment | {"CONSOLE_ENABLED": "false"}
    assert_refused(await run_autos(off, "console"), "CONSOLE_ENABLED is false: there is no console")
