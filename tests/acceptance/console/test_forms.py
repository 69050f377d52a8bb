"""Forms: from where they may come, in which form, and what a console does that only shows."""

import io
from collections.abc import AsyncIterator

import aiohttp
import pytest

from service.console.framework.declarations import ConsoleRoute
from service.console.routes import CONSOLE_ROUTES
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.http.api import Api
from tests.support.http.browser import Browser
from tests.support.service import Service, running_service

STOLEN = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1.evil.example"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://["},
)


@pytest.mark.parametrize("headers", STOLEN, ids=str)
async def test_a_form_of_another_site_does_nothing(browser: Browser, headers: dict[str, str]) -> None:
    refused = await browser.post("/console/keys", {"label": "stolen"}, **headers)

    assert refused.status == 403
    assert "another site" in refused.words
    assert "stolen" not in (await browser.get("/console/keys")).words
    assert "autos_once" not in browser.cookies


async def test_a_form_without_a_session_leads_to_the_log_in(api: Api) -> None:
    seen = await Browser.of(api).post("/console/keys", {"label": "x"})

    assert (seen.status, seen.location) == (303, "/console/login")


async def test_a_form_that_is_no_form_is_refused_with_a_page(browser: Browser) -> None:
    kinds = {"Content-Type": "application/json"}, {"Content-Type": "multipart/form-data; boundary=x"}
    answers = [await browser.post("/console/keys", "{}", **kind) for kind in kinds]
    answers.append(await browser.post("/console/keys", io.BytesIO(b"label=" + b"a" * 1_100_000)))

    assert [each.status for each in answers] == [415, 400, 413]
    assert all(each.text.startswith("<!doctype html>") for each in answers)


@pytest.fixture(scope="module")
async def quiet(
    stack: Stack, session: aiohttp.ClientSession, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """A service whose console only shows."""
    own = {"DATABASE_URL": await create_database(stack), "CONSOLE_READ_ONLY": "true"}
    async with running_service(session, environment | own, tmp_path_factory.mktemp("read-only")) as running:
        yield running


async def test_a_console_that_only_shows_refuses_every_form(quiet: Service) -> None:
    browser = await Browser.of(quiet.api).log_in(quiet.api.api_key)
    nobody = "00000000-0000-4000-8000-000000000000"
    paths = [each.path for each in CONSOLE_ROUTES if isinstance(each, ConsoleRoute) and "POST" in each.declared]
    # To open what somebody shared is a log-in too.
    refused = [path for path in paths if path not in {"/console/login", "/console/logout", "/console/shared"}]
    assert len(refused) > 5

    for path in refused:
        names = dict.fromkeys(("key_id", "user_id"), nobody)
        seen = await browser.post(path.format_map(_Anything(names)))
        assert (path, seen.status) == (path, 403)
        assert "read-only" in seen.words
    page = await browser.get("/console/users")
    assert page.text.count("<form") == 1, "to log out"
    assert (await browser.post("/console/logout")).status == 303


# The last one: it breaks the service.
async def test_a_crash_is_a_page_that_says_nothing_of_its_cause(quiet: Service) -> None:
    browser = await Browser.of(quiet.api).log_in(quiet.api.api_key)
    await quiet.fetch("ALTER TABLE console_sessions RENAME TO elsewhere")

    seen = await browser.get("/console/keys", **{"X-Request-ID": "crash-2"})

    assert seen.status == 500
    assert "The service failed" in seen.words
    assert "crash-2" in seen.words
    assert "console_sessions" not in seen.text
    assert "require-trusted-types-for" in seen.headers["Content-Security-Policy"]


class _Anything(dict[str, str]):
    """Parameters of a path."""

    def __missing__(self, key: str) -> str:
        return "00000000-0000-4000-8000-000000000000"


@pytest.mark.long
async def test_without_the_console_there_is_nothing(
    stack: Stack, session: aiohttp.ClientSession, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = {"DATABASE_URL": await create_database(stack), "CONSOLE_ENABLED": "false"}
    async with running_service(session, environment | own, tmp_path_factory.mktemp("no-console")) as running:
        browser = Browser.of(running.api)
        assert [(await browser.get(path)).status for path in ("/console", "/console/login")] == [404, 404]
        assert (await running.api.get("/console")).json["code"] == "not_found"
        assert (await browser.get("/")).location == "docs"
