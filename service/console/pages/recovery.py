"""Sending all failed deliveries again, after a look at how many there are."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from service.actions import deliveries as delivery_actions
from service.console.framework.declarations import Go, page, post
from service.console.framework.refusal import Refusal
from service.console.framework.visits import Visit
from service.console.languages.formats import CONSOLE_ZONE
from service.console.views.deliveries import WEBHOOKS
from service.console.views.lists import Tab
from service.console.views.webhook_tabs import webhook_tabs
from service.database.deliveries import deliveries


class RecoveryView(msgspec.Struct, frozen=True):
    """The form, and what it would do."""

    tabs: Sequence[Tab]
    since: str  #: as the field has it, in Brasilia time
    is_wrong: bool
    count: int | None  #: None: no time was given
    is_more: bool  #: there may be more than `count`


@page("recovery.html")
async def preview(visit: Visit) -> RecoveryView:
    """How many deliveries have failed since a time."""
    given = visit.query("since")
    since = _moment(given)
    count = None
    if since is not None:
        async with visit.state["database"].connection() as connection:
            count = await deliveries.count_failed(connection, since=since, user_id=visit.owner)
    tabs = webhook_tabs("recover")
    return RecoveryView(tabs, given, bool(given) and since is None, count, count == deliveries.COUNTED_MAX)


@post()
async def recover(visit: Visit) -> Go:
    """Send them again."""
    since = _moment(visit.form.text("since"))
    if since is None:
        raise Refusal("invalid_body", "There is no time.", advice="recover.wrong", status=422)
    state = visit.state
    await delivery_actions.recover(state["database"], state["queue"], since=since, owner=visit.owner)
    return Go(WEBHOOKS, done="recovered")


def _moment(given: str) -> datetime | None:
    """A time of a form, in Brasilia time if it does not say of where. None: it is none."""
    try:
        moment = datetime.fromisoformat(given)
        return (moment if moment.tzinfo else moment.replace(tzinfo=CONSOLE_ZONE)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
