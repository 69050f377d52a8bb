"""`/processes/{number}/monitor` and `/monitors`: cases that the caller watches."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from service.actions import monitors
from service.actions.monitors import WatchRequest
from service.api.framework import pagination, parameters
from service.api.framework.body_faults import invalid_body
from service.api.framework.many_cases import NUMBERS_MAX, for_each_case, parsed_or_problem
from service.api.framework.operations import Answer, Call, Reply, Tag, operation, start_downloads, start_many
from service.api.framework.pagination import Page, PageQuery
from service.api.framework.parameters import CaseNumber, WebhookUrl
from service.api.framework.queries import PRINTABLE, NoQuery
from service.api.presenters.monitors import MonitorView, monitor_view
from service.api.presenters.timestamps import Timestamp
from service.database.cases import processes
from service.database.monitors import monitors as monitor_rows
from service.database.monitors.monitors import MonitorFilter
from service.domain.described.intervals import Interval, InvalidInterval, parse_interval
from service.domain.described.words import shape
from service.domain.jobs import Lane
from service.domain.monitoring.monitors import Monitor, MonitorStatus, MonitorWish
from service.domain.positions import Position
from service.domain.process_number import ProcessNumber
from service.http.problems import FieldError, ProblemView

INTERVAL_MAX = timedelta(days=365)

Description = Annotated[
    str,
    shape(
        "a text of up to 200 characters, without control characters",
        pattern=PRINTABLE + r"(?!\n)",
        max_length=200,
        examples=["Client 4711"],
    ),
]


class MonitorBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to watch a case. What is left out is set to null."""

    every: Annotated[Interval, Meta(description="The interval between two checks, at most a year (`365d`).")]
    webhook_url: Annotated[WebhookUrl, Meta(description="Where to POST `process.updated`.")] | None = None
    description: Annotated[Description | None, Meta(description="What you call it.")] = None


class MonitorsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which cases to watch, and how."""

    process_numbers: Annotated[
        list[CaseNumber], Meta(description="CNJ case numbers.", min_length=1, max_length=NUMBERS_MAX)
    ]
    every: Annotated[Interval, Meta(description="The interval between two checks, at most a year (`365d`).")]
    webhook_url: Annotated[WebhookUrl, Meta(description="Where to POST `process.updated`.")] | None = None
    description: Annotated[Description | None, Meta(description="What you call them.")] = None


class MonitorResult(msgspec.Struct, frozen=True):
    """The result for one number: a monitor or a problem."""

    process_number: Annotated[str, Meta(description="Masked if it is valid, else as it was given.")]
    monitor: Annotated[MonitorView | None, Meta(description="The monitor; null if there is a problem.")]
    problem: Annotated[ProblemView | None, Meta(description="The problem; null if there is a monitor.")]


class MonitorsView(msgspec.Struct, frozen=True):
    """One result for each number, in the order of the request."""

    items: Annotated[list[MonitorResult], Meta(description="One for each number, in the order of the request.")]


class MonitorQuery(PageQuery, frozen=True):
    """Which monitors."""

    status: Annotated[MonitorStatus, Meta(description="Monitors with this status.")] | None = None
    changed_since: Annotated[Timestamp, Meta(description="Those with a change at this time or later.")] | None = None


@operation(
    "monitors_put",
    Tag.MONITORS,
    Reply(200, "The case was watched before; the monitor has these values now."),
    Reply(201, "The case is watched."),
    problems=("process_not_found", "process_access_denied", "invalid_webhook_url", "too_many_monitors"),
    limited=True,
)
async def put(call: Call[NoQuery, MonitorBody]) -> Answer[MonitorView]:
    """Watch a case, or change how it is watched.

    A case that the portal has not listed yet is requested first, with its downloads, as by the main entry. If the
    portal does not answer, the request is kept, and the case is watched all the same. The first check is the baseline
    and tells nothing. After it, each change is told once, by one `process.updated`. The same values again change
    nothing: neither the baseline nor the next check.
    """
    body = call.body
    every = _interval(call, body.every)
    webhook_url = await _webhook_url(call, body.webhook_url)
    async with call.state["database"].connection() as connection:
        is_listed = await processes.is_listed(connection, call.number)
        is_near_limit = await monitors.is_near_limit(connection, call.user.id)
    if not is_listed:
        await start_downloads(call)
    wish = MonitorWish(call.number, call.user.id, every, webhook_url, body.description)
    made = await monitors.watch(
        call.state, WatchRequest(wish, call.state["request_id"], is_listed=is_listed, is_near_limit=is_near_limit)
    )
    return Answer(monitor_view(made.monitor), 201 if made.is_new else 200)


@operation("monitors_show", Tag.MONITORS, problems=("monitor_not_found",))
async def show(call: Call[NoQuery, None]) -> MonitorView:
    """Your monitor of a case."""
    return monitor_view(await monitors.find(call.state["database"], call.number, call.user.id))


@operation(
    "monitors_delete",
    Tag.MONITORS,
    Reply(204, "The case is no longer watched by you.", media_type=None),
    problems=("monitor_not_found",),
)
async def delete(call: Call[NoQuery, None]) -> None:
    """Stop watching a case.

    Changes that were not told yet are not told any more; webhooks that are scheduled already are still sent. What was
    downloaded stays. Other users who watch the case go on.
    """
    await monitors.end(call.state["database"], call.number, call.user.id)


@operation(
    "monitors_check",
    Tag.MONITORS,
    Reply(202, "The case is checked as soon as the portal is free."),
    problems=("monitor_not_found",),
    limited=True,
)
async def check(call: Call[NoQuery, None]) -> MonitorView:
    """Check a case now, once.

    It does not wait for the hours of monitors or for its turn among them, but still for interactive work. Requests
    that come before the check begins share it. It counts towards the key's limit for downloads.
    """
    await start_downloads(call)
    return monitor_view(await monitors.check(call.state, call.number, call.user.id))


@operation("monitors_index", Tag.MONITORS)
async def index(call: Call[MonitorQuery, None]) -> Page[MonitorView]:
    """The cases that you watch, the newest monitor first.

    With `changed_since` the oldest change comes first: follow the cursor to the end, and begin the next time at the
    last `last_changed_at` that you saw. This way you miss no change, but one may come twice.
    """
    query = call.query
    after = pagination.position(query.cursor, Position[UUID])
    wanted = MonitorFilter(query.status, query.changed_since)
    async with call.state["database"].connection() as connection:
        found = await monitor_rows.page(connection, call.user.id, wanted, after=after, limit=query.limit + 1)
    by_change = query.changed_since is not None
    rows, cursor = pagination.cut(found, query.limit, lambda row: _place(row, by_change=by_change))
    return Page([monitor_view(row) for row in rows], cursor)


def _place(row: Monitor, *, by_change: bool) -> Position[UUID]:
    """The position of a monitor in a list. In that of changes, each has a change."""
    return Position(row.last_changed_at if by_change and row.last_changed_at is not None else row.created_at, row.id)


@operation("monitors_create", Tag.MONITORS, problems=("invalid_webhook_url",), limited=True)
async def create(call: Call[NoQuery, MonitorsBody]) -> MonitorsView:
    """Watch up to 1,000 cases.

    Each gets a monitor as by `PUT /processes/{number}/monitor`. A case that is invalid, unknown or denied does not
    affect the others. Each case that has to be requested first counts towards the key's limit for cases that searches
    start.
    """
    body = call.body
    every = _interval(call, body.every)
    webhook_url = await _webhook_url(call, body.webhook_url)
    numbers = {given: parsed_or_problem(given) for given in body.process_numbers}
    valid = {number for number in numbers.values() if isinstance(number, ProcessNumber)}
    async with call.state["database"].connection() as connection:
        known = await processes.completeness_of(connection, valid)
        is_near_limit = await monitors.is_near_limit(connection, call.user.id)
    await start_many(call, sum(not each.is_listed and not each.is_active for each in known.values()))

    async def watch(number: ProcessNumber, timeout: float) -> MonitorView:
        wish = MonitorWish(number, call.user.id, every, webhook_url, body.description)
        request = WatchRequest(wish, call.state["request_id"], known[number].is_listed, is_near_limit, lane=Lane.BATCH)
        return monitor_view((await monitors.watch(call.state, request, timeout=timeout)).monitor)

    results = await for_each_case(known, watch)
    return MonitorsView([_result(given, numbers[given], results) for given in body.process_numbers])


def _result(
    given: str, number: ProcessNumber | ProblemView, results: Mapping[ProcessNumber, MonitorView | ProblemView]
) -> MonitorResult:
    if isinstance(number, ProblemView):
        return MonitorResult(given, None, number)
    result = results[number]
    if isinstance(result, ProblemView):
        return MonitorResult(number.masked, None, result)
    return MonitorResult(number.masked, result, None)


def _interval(call: Call[Any, Any], given: str) -> timedelta:
    """Raises the problem `invalid_body` (400), which says what is allowed."""
    try:
        return parse_interval(given, least=call.state["options"].monitor_min_interval, most=INTERVAL_MAX)
    except InvalidInterval as error:
        raise invalid_body(FieldError("every", str(error))) from None


async def _webhook_url(call: Call[Any, Any], given: str | None) -> str | None:
    return None if given is None else await parameters.checked_webhook_url(call.request, given)
