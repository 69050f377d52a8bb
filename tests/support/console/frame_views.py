"""Views of log-in, errors, overview, keys and users."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from service.console.framework.errors import ErrorView
from service.console.pages.keys import KeysView
from service.console.pages.log_in import LogInView
from service.console.pages.overview import FailureView, OverviewView, PortalView
from service.console.pages.users import UsersView
from service.console.views.charts import chart_of
from service.database.console.overview import FailingHost, HourOfWork, PortalNow, QueueOfUser
from service.database.users.api_keys import KEYS_MAX, KeyRow
from service.database.users.users import UserRow
from tests.support.console.visits import SOMEBODY

MOMENT = datetime(2026, 1, 31, 2, 5, tzinfo=UTC)


def frame_views(text: str) -> Mapping[str, list[object]]:
    """The views of each template, so that every branch of it is rendered. `text` stands wherever somebody may write."""
    key = KeyRow(SOMEBODY, text, text, MOMENT, None)
    nameless = KeyRow(UUID(int=1), None, None, MOMENT, MOMENT)
    user = UserRow(SOMEBODY, text, "user", MOMENT)
    return {
        "log_in.html": [LogInView(), LogInView(text, "login.wrong"), LogInView(text, token=text)],
        "error.html": [ErrorView(404, text, text, text)],
        "overview.html": [_quiet(), *(_busy(text, portal) for portal in _portals(text))],
        "keys.html": [
            KeysView("/console/keys", [], SOMEBODY),
            KeysView("/console/keys", [key, nameless], SOMEBODY, made=text),
            KeysView("/console/keys", [key] * KEYS_MAX, UUID(int=2)),
            KeysView(f"/console/users/{SOMEBODY}", [key], UUID(int=2), user, label=text, error="keys.wrong_label"),
        ],
        "users.html": [
            UsersView([user], None, is_first=True),
            UsersView([user], "a-cursor", is_first=False, name=text, error="users.name_taken"),
        ],
    }


def _quiet() -> OverviewView:
    return OverviewView(PortalView("unused", "idle"), [], [], [], chart_of([]))


def _busy(text: str, portal: PortalView) -> OverviewView:
    return OverviewView(
        portal,
        [QueueOfUser(text, 12_345, 7200.0), QueueOfUser(None, 1, 0.0)],
        [FailingHost(text, 3, text, MOMENT), FailingHost(text, 1, None, MOMENT)],
        [FailureView("0000123-06.2023.4.03.6100", 3, "portal_error", MOMENT), FailureView(text, 0, None, MOMENT)],
        chart_of([HourOfWork(MOMENT, 10, 0), HourOfWork(MOMENT, 0, 0), HourOfWork(MOMENT, 5000, 1)]),
    )


def _portals(text: str) -> list[PortalView]:
    now = PortalNow(0, 0, 0.0, None, None, MOMENT, text, MOMENT, MOMENT, text)
    works = PortalNow(3, 5, 0.0, None, 60.0, None, None, MOMENT, None, None)
    return [
        PortalView("works", "good", now=works, slots=10, token_seconds=60.0),
        PortalView("failing", "bad", text, MOMENT, now=now, slots=10, token_seconds=-1.0),
        PortalView("refused", "bad", since=MOMENT, now=now, slots=10),
        PortalView("paused", "busy", paused_for=90.0),
    ]
