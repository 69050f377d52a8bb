"""The signing secret, and a test of a URL."""

from collections.abc import Sequence

import msgspec

from service.api.framework.parameters import checked_webhook_url
from service.api.webhook_tests import TRIALS, SentView, sent
from service.console.case_requests import spend
from service.console.framework.declarations import Go, Shown, page, post
from service.console.framework.visits import Visit
from service.console.views.lists import Tab
from service.console.views.webhook_tabs import webhook_tabs
from service.database.users import users
from service.http.problems import Problem
from service.webhooks.signature import new_secret

SECRET = "/console/webhooks/secret"  # noqa: S105  (a path)
_TEST = "webhook_test.html"
URL_MAX = 2048  # characters


class SecretView(msgspec.Struct, frozen=True):
    """The secrets, if they are to be shown."""

    tabs: Sequence[Tab]
    is_shown: bool
    current: str | None
    previous: Sequence[str]


class TryView(msgspec.Struct, frozen=True):
    """The form, and the outcome of the last test."""

    tabs: Sequence[Tab]
    url: str = ""
    refusal: str | None = None  #: why the URL may not be called
    sent: SentView | None = None


@page("webhook_secret.html")
async def secret(visit: Visit) -> SecretView:
    """The signing secrets of the user, on demand."""
    is_shown, tabs = bool(visit.query("show")), webhook_tabs("secret")
    if not is_shown:
        return SecretView(tabs, is_shown, None, ())
    async with visit.state["database"].connection() as connection:
        found = [each.secret for each in await users.live_secrets(connection, visit.user.id)]
    return SecretView(tabs, is_shown, found[0] if found else None, found[1:])


@post()
async def rotate(visit: Visit) -> Go:
    """Make a new secret; the old one also signs during the grace period."""
    grace = visit.state["options"].webhook_secret_grace
    async with visit.state["database"].transaction() as connection:
        await users.rotate_secret(connection, visit.user.id, new_secret(), grace=grace)
    return Go(SECRET, done="rotated")


@page(_TEST)
async def try_form(_visit: Visit) -> TryView:
    """The form."""
    return TryView(webhook_tabs("test"))


@post()
async def try_url(visit: Visit) -> Shown:
    """Send one signed test to a URL, and show the result."""
    given, tabs = visit.form.text("url")[:URL_MAX], webhook_tabs("test")
    await spend(visit, TRIALS, "trials", by=visit.user.id)
    try:
        url = await checked_webhook_url(visit.request, given)
    except Problem as problem:
        return Shown(TryView(tabs, given, refusal=problem.detail), _TEST, problem.status)
    async with visit.state["database"].connection() as connection:
        secrets = await users.signing_secrets(connection, visit.user.id)
    outcome = await sent(visit.request, url, secrets, user_id=visit.user.id, payload={})
    return Shown(TryView(tabs, given, sent=outcome), _TEST)
