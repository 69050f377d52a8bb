"""Views of log-in, errors, overview, keys and users."""

from collections.abc import Mapping
from datetime import UTC, datetime

from service.console.framework.errors import ErrorView
from service.console.pages.keys import KeysView
from service.console.pages.log_in import LogInView
from service.console.pages.overview import OverviewView
from service.database.users.api_keys import KeyRow
from tests.support.console.visits import SOMEBODY

MOMENT = datetime(2026, 1, 31, 2, 5, tzinfo=UTC)


def frame_views(text: str) -> Mapping[str, list[object]]:
    """The views of each template, so that every branch of it is rendered. `text` stands wherever somebody may write."""
    return {
        "log_in.html": [LogInView(), LogInView(text, "login.wrong"), LogInView(text, token=text)],
        "error.html": [ErrorView(404, text, text, text)],
        "overview.html": [OverviewView(text)],
        "keys.html": [KeysView([]), KeysView([KeyRow(SOMEBODY, text, text, MOMENT, None)])],
    }
