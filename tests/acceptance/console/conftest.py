"""A browser of a user who is logged in."""

import pytest

from tests.support.http.api import Api
from tests.support.http.browser import Browser


@pytest.fixture
async def browser(client: Api) -> Browser:
    """The browser of a new user."""
    return await Browser.of(client).log_in(client.api_key)
