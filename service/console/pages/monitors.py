"""What is watched, and the forms that watch a case, check it, and end that."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service.actions import monitors as monitor_actions
from service.actions.monitors import WatchRequest
from service.api.framework import pagination
from service.console.case_requests import case_path, number_of, start_downloads
from service.console.framework.declarations import Go, page, post
from service.console.framework.refusal import Refusal
from service.console.framework.visits import Visit
from service.console.views.case_heads import reason_key
from service.console.views.lists import query_of
from service.database.cases import processes
from service.database.monitors import monitors
from service.database.monitors.monitors import MonitorFilter
from service.domain.described.intervals import InvalidInterval, parse_interval
from service.domain.monitoring.monitors import Monitor, MonitorStatus, MonitorWish
from service.domain.positions import Position
from service.domain.process_number import ProcessNumber

MONITORS = "/console/monitors"
MONITORS_SHOWN = 50  # on a page
EVERY_MAX = timedelta(days=366)


class MonitorLine(msgspec.Struct, frozen=True):
    """One watched case."""

    number: str
    case_path: str
    description: str | None
    status: MonitorStatus
    every: timedelta
    next_check_at: datetime
    last_checked_at: datetime | None
    last_changed_at: datetime | None
    failures: int  #: in a row
    reason_key: str | None  #: of the sentence that says why the last check failed


class MonitorsView(msgspec.Struct, frozen=True):
    """The cases that the user watches, newest first."""

    lines: Sequence[MonitorLine]
    first_path: str | None
    next_path: str | None


@page("monitors.html")
async def index(visit: Visit) -> MonitorsView:
    """The monitors of the user."""
    after = pagination.position(visit.query("cursor") or None, Position[UUID])
    async with visit.state["database"].connection() as connection:
        found = await monitors.page(connection, visit.user.id, MonitorFilter(), after=after, limit=MONITORS_SHOWN + 1)
    rows, cursor = pagination.cut(found, MONITORS_SHOWN, lambda row: Position(row.created_at, row.id))
    return MonitorsView(
        [_line(row) for row in rows],
        MONITORS if after is not None else None,
        cursor and query_of(MONITORS, cursor=cursor),
    )


def _line(monitor: Monitor) -> MonitorLine:
    number = ProcessNumber(monitor.process_number)
    return MonitorLine(
        number=number.masked,
        case_path=case_path(number),
        description=monitor.description,
        status=monitor.status,
        every=monitor.every,
        next_check_at=monitor.next_check_at,
        last_checked_at=monitor.last_checked_at,
        last_changed_at=monitor.last_changed_at,
        failures=monitor.consecutive_failures,
        reason_key=None if monitor.last_error_code is None else reason_key(monitor.last_error_code),
    )


@post()
async def watch(visit: Visit) -> Go:
    """Watch a case. An unknown one is requested first."""
    number, every = number_of(visit), _every(visit)
    async with visit.state["database"].connection() as connection:
        known = await processes.completeness(connection, number)
        is_near_limit = await monitor_actions.is_near_limit(connection, visit.user.id)
    if not known.is_listed:
        await start_downloads(visit)
    wish = MonitorWish(number, visit.user.id, every)
    request = WatchRequest(wish, visit.state["request_id"], known.is_listed, is_near_limit)
    await monitor_actions.watch(visit.state, request)
    return Go(case_path(number), done="watched")


def _every(visit: Visit) -> timedelta:
    least = visit.state["options"].monitor_min_interval
    try:
        return parse_interval(visit.form.text("every"), least=least, most=EVERY_MAX)
    except InvalidInterval:
        raise Refusal("invalid_body", "The interval is wrong.", advice="monitors.wrong_every", status=422) from None


@post()
async def unwatch(visit: Visit) -> Go:
    """End watching a case."""
    number = number_of(visit)
    await monitor_actions.end(visit.state["database"], number, visit.user.id)
    return Go(MONITORS, done="unwatched")


@post()
async def check(visit: Visit) -> Go:
    """Have a watched case checked now, once."""
    number = number_of(visit)
    await monitor_actions.check(visit.state, number, visit.user.id)
    return Go(case_path(number), done="check_requested")
