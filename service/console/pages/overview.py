"""Whether all is well: for administrators the whole service, for users their own work."""

import time

import msgspec

from service.console.framework.declarations import page
from service.console.framework.visits import Visit
from service.console.views.charts import Chart, chart_of
from service.database.console import overview
from service.database.console.overview import FailingHost, LastFailure, PortalNow, QueueOfUser
from service.domain.process_number import ProcessNumber
from service.portal.token import expiry

_ROWS = 8  # of each list


class PortalView(msgspec.Struct, frozen=True):
    """The portal. The members that only operators can do something about are None for users."""

    state: str  #: the end of a key `portal.<state>`
    kind: str  #: `good`, `bad` or `busy`
    reason: str | None = None  #: in the words of the portal's client
    since: object = None  #: when it began to fail
    paused_for: float = 0.0
    now: PortalNow | None = None
    slots: int = 0
    token_seconds: float | None = None  #: None if it does not say how long it lives


class FailureView(msgspec.Struct, frozen=True):
    """A job that ended with failures."""

    number: str
    failed_documents: int
    error_code: str | None
    completed_at: object


class OverviewView(msgspec.Struct, frozen=True):
    """The page."""

    portal: PortalView
    queue: list[QueueOfUser]
    hosts: list[FailingHost]
    failures: list[FailureView]
    chart: Chart


@page("overview.html")
async def show(visit: Visit) -> OverviewView:
    """Five statements, on one connection."""
    owner = visit.owner
    async with visit.state["database"].connection() as connection:
        now = await overview.portal_now(connection, visit.state["portal_credential"])
        queue = await overview.queue(connection, owner, limit=_ROWS)
        hosts = await overview.failing_hosts(connection, owner, limit=_ROWS)
        failures = await overview.last_failures(connection, owner, limit=_ROWS)
        hours = await overview.hours(connection, owner)
    return OverviewView(_portal(visit, now), queue, hosts, list(map(_failure, failures)), chart_of(hours))


def _portal(visit: Visit, now: PortalNow) -> PortalView:
    view = _portal_state(now)
    if not visit.is_admin:
        return view
    return msgspec.structs.replace(
        view,
        reason=now.portal_reason if now.portal_failing_since else None,
        now=now,
        slots=visit.state["options"].portal_slots,
        token_seconds=_token_seconds(visit.state["portal_credential"], now),
    )


def _portal_state(now: PortalNow) -> PortalView:
    if now.refused_at is not None:
        return PortalView("refused", "bad", since=now.refused_at)
    if now.portal_failing_since is not None:
        return PortalView("failing", "bad", since=now.portal_failing_since)
    if now.paused_for > 0:
        return PortalView("paused", "busy", paused_for=now.paused_for)
    return PortalView("works" if now.portal_succeeded_at else "unused", "good" if now.portal_succeeded_at else "idle")


def _token_seconds(credential: str, now: PortalNow) -> float | None:
    if now.token_expires_in is not None:
        return now.token_expires_in
    ends = expiry(credential)
    return None if ends is None else ends - time.time()


def _failure(row: LastFailure) -> FailureView:
    number = ProcessNumber.parse(row.process_number).masked
    return FailureView(number, row.failed_documents, row.error_code, row.completed_at)
