"""A browser of a user who is logged in."""

import pytest

from service.console.framework.sessions import digest, new_secret_id
from service.database.connection import Database
from service.database.console import sessions
from service.database.users import users
from service.domain.api_keys import key_hash
from tests.support.http.api import Api
from tests.support.http.browser import Browser


@pytest.fixture
async def browser(client: Api, database: Database) -> Browser:
    """The browser of a new user."""
    return await browser_of(client, database)


async def browser_of(client: Api, database: Database) -> Browser:
    """A browser with a session that no log-in has begun: only ten of these are possible from here in a minute."""
    session_id = new_secret_id()
    async with database.transaction() as connection:
        user = await users.find_by_key_hash(connection, key_hash(client.api_key or ""))
        assert user is not None
        await sessions.begin(connection, digest(session_id), user.key_id)
    opened = Browser.of(client)
    opened.cookies["autos_session"] = session_id
    return opened
