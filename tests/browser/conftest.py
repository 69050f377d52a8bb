"""A user who is logged in, in a browser."""

import shutil
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.acceptance.console.conftest import browser_of
from tests.browser.chromium import Tab, running_chromium
from tests.support.deliveries.deliveries import add_user, open_pool
from tests.support.http.api import Api
from tests.support.http.browser import Browser


@pytest.fixture
async def client(api: Api, database_url: str) -> Api:
    """A new user."""
    async with open_pool(database_url) as pool:
        return api.with_key((await add_user(pool))[1])


@pytest.fixture
async def browser(client: Api, database_url: str) -> Browser:
    """A session of the user, without scripts."""
    async with open_pool(database_url) as pool:
        return await browser_of(client, pool)


@pytest.fixture
async def user_tab(
    client: Api, browser: Browser, session: aiohttp.ClientSession, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Tab]:
    """A browser with the session of the user."""
    executable = shutil.which("chromium") or ""
    async with running_chromium(executable, tmp_path_factory.mktemp("profile"), session) as opened:
        await opened.call("Network.enable")
        await opened.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": "pt-BR"})
        for name, value in browser.cookies.items():
            await opened.call(
                "Network.setCookie", url=client.base_url, name=name, value=value, httpOnly=True, sameSite="Strict"
            )
        yield opened


@pytest.fixture
async def stranger(session: aiohttp.ClientSession, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tab]:
    """A browser with a fresh profile."""
    executable = shutil.which("chromium") or ""
    async with running_chromium(executable, tmp_path_factory.mktemp("stranger"), session) as opened:
        yield opened
