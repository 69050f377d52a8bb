"""What every page of the console has: headers, languages, errors, and what only administrators see."""

import re

import pytest

from service.console.framework.declarations import ConsoleRoute
from service.console.routes import CONSOLE_ROUTES
from tests.support.http.api import Api
from tests.support.http.browser import Browser

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
#: Without a parameter in the path.
PAGES = sorted(
    each.path
    for each in CONSOLE_ROUTES
    if isinstance(each, ConsoleRoute) and "GET" in each.declared and "{" not in each.path
)
NO_PAGES = {"/console/preferences"}
UNKNOWN = {"/console/nothing", "/console/keys/"}


@pytest.mark.parametrize("path", [*PAGES, *sorted(UNKNOWN)])
async def test_every_page_has_its_policy_and_loads_nothing_from_elsewhere(api: Api, path: str) -> None:
    admin = await Browser.of(api).log_in(api.api_key)
    seen = await admin.get(path)
    if seen.status == 303:
        assert path in NO_PAGES | {"/console/login"}
        return

    assert seen.status == (404 if path in UNKNOWN else 200)
    assert seen.headers["Content-Security-Policy"] == POLICY
    assert seen.headers["Cache-Control"] == "no-store"
    assert seen.headers["X-Content-Type-Options"] == "nosniff"
    assert seen.headers["Referrer-Policy"] == "same-origin"
    assert seen.headers["Content-Type"] == "text/html; charset=utf-8"
    assert re.findall(r'(?:href|src|action)="(?!/|#)[^"]*"', seen.text) == []
    assert seen.text.count("<h1>") == seen.text.count("<main ") == 1


async def test_what_a_page_loads_is_kept_by_browsers(api: Api) -> None:
    page = await Browser.of(api).get("/console/login")
    paths = re.findall(r'(?:href|src)="(/console/static/[^"]+)"', page.text)
    assert len(paths) == 3

    for path in paths:
        first = await Browser.of(api).get(path)
        again = await Browser.of(api).get(path, **{"If-None-Match": first.headers["ETag"]})
        older = await Browser.of(api).get(path.replace(path.split("/")[3], "0" * 16))
        assert (first.status, again.status, older.status) == (200, 304, 200)
        assert "immutable" in first.headers["Cache-Control"]
        assert older.headers["Cache-Control"] == "no-cache"
    assert (await Browser.of(api).get("/console/static/x/__init__.py")).status == 404


async def test_a_page_speaks_the_language_of_its_visitor(api: Api) -> None:
    portuguese = await Browser.of(api, "pt-BR,pt;q=0.9,en;q=0.8").get("/console/login")
    english = await Browser.of(api, "en-GB,en;q=0.9").get("/console/login")
    neither = await Browser.of(api, "de").get("/console/login")

    assert ["Chave de API" in each.words for each in (portuguese, english, neither)] == [True, False, True]
    assert '<html lang="en"' in english.text
    assert english.headers["Vary"] == "Accept-Language, Cookie"


async def test_the_language_and_the_theme_can_be_switched(browser: Browser) -> None:
    switched = await browser.get("/console/preferences?language=pt-BR&next=/console/keys")
    await browser.get("/console/preferences?theme=dark&next=/console/keys")
    page = await browser.get(switched.location)

    assert '<html lang="pt-BR" data-theme="dark">' in page.text
    await browser.get("/console/preferences?language=fr&theme=%22%3E")
    assert '<html lang="pt-BR" data-theme="dark">' in (await browser.get("/console/keys")).text


async def test_users_see_neither_users_nor_links_to_them(browser: Browser) -> None:
    seen = await browser.get("/console")
    refused = await browser.get("/console/users")

    assert "/console/users" not in seen.text
    assert refused.status == 403
    assert "Ask an administrator" in refused.words


async def test_an_error_is_a_page_with_the_request_id(api: Api) -> None:
    browser = Browser.of(api)
    unknown = await browser.get("/console/nothing", **{"X-Request-ID": "find-me"})
    method = await browser.post("/console/preferences")

    assert (unknown.status, method.status) == (404, 405)
    assert "find-me" in unknown.words
    assert set(method.headers["Allow"].split(", ")) == {"GET", "HEAD"}
    assert (await api.get("/nothing")).json["code"] == "not_found", "the API keeps its problems"


async def test_browsers_are_led_to_the_console(api: Api) -> None:
    browser = Browser.of(api)
    first = await browser.get("/")
    second = await browser.get(f"/{first.location}")

    assert second.location == "/console/login?next=%2Fconsole"
