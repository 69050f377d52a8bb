"""Watches cases: makes, changes, checks and ends the monitors of a user."""

from uuid import UUID

import msgspec

from service.actions.cases import request_case
from service.actions.shared_listings import SHORT_LISTING_TIMEOUT
from service.actions.state import ActionState
from service.database.access import DatabaseAccess
from service.database.cases.case_requests import CaseRequest
from service.database.connection import Connection
from service.database.monitors import monitors
from service.database.monitors.monitors import PutMonitor
from service.database.users import users
from service.domain.jobs import Lane
from service.domain.monitoring.monitors import Monitor, MonitorWish
from service.domain.process_number import ProcessNumber

MONITORS_MAX = 50_000  # of one user
#: With fewer than `MONITORS_MAX` less this, a user's monitors are not counted again for each new one.
_COUNTED_FROM = 10_000


class UnknownMonitor(Exception):
    """The user does not watch this case."""


class TooManyMonitors(Exception):
    """The user has `MONITORS_MAX` monitors already."""


class UserGone(Exception):
    """The user was deleted while the request was handled."""


class WatchRequest(msgspec.Struct, frozen=True):
    """A wish to watch a case, with what was known of the case and of the user before."""

    wish: MonitorWish
    request_id: str
    is_listed: bool
    is_near_limit: bool
    lane: Lane = Lane.SINGLE


async def is_near_limit(connection: Connection, user_id: UUID) -> bool:
    """Whether the user may come to have too many monitors by a few requests."""
    most = MONITORS_MAX - _COUNTED_FROM
    return await monitors.count_of_user(connection, user_id, most=most) == most


async def watch(state: ActionState, request: WatchRequest, *, timeout: float = SHORT_LISTING_TIMEOUT) -> PutMonitor:
    """Make a monitor, or give it new values. A case that is not listed is requested first, with its downloads.

    If the portal does not answer within `timeout` seconds, that request is stored for the workers, and the monitor is
    made all the same. Raises `NotFound`, `AccessDenied`, `TooManyMonitors` and `UserGone`; no monitor is made then.
    """
    wish = request.wish
    if request.is_near_limit:
        async with state["database"].connection() as connection:
            await _check_limit(connection, wish)
    is_listed_now = not request.is_listed and await _request(state, request, timeout)

    async def put(connection: Connection) -> PutMonitor:
        # It keeps monitors from being made for a user who is being deleted, or beyond the limit.
        if not await users.hold(connection, wish.user_id, alone=request.is_near_limit):
            raise UserGone
        if request.is_near_limit:
            await _check_limit(connection, wish)
        made = await monitors.put(connection, wish, is_listed_now=is_listed_now)
        if made is None:
            raise LookupError("a case that was requested has a row")
        return made

    return await state["database"].run(put)


async def find(database: DatabaseAccess, number: ProcessNumber, user_id: UUID) -> Monitor:
    """Return a user's monitor of a case. Raises `UnknownMonitor`."""
    found = await database.ask(lambda connection: monitors.find(connection, number, user_id))
    if found is None:
        raise UnknownMonitor
    return found


async def end(database: DatabaseAccess, number: ProcessNumber, user_id: UUID) -> None:
    """Delete a user's monitor of a case. Raises `UnknownMonitor`."""
    if not await database.run(lambda connection: monitors.delete(connection, number, user_id)):
        raise UnknownMonitor


async def check(state: ActionState, number: ProcessNumber, user_id: UUID) -> Monitor:
    """Have a case checked now, once. Returns the user's monitor. Raises `UnknownMonitor`."""

    async def request(connection: Connection) -> Monitor:
        watch_id = await monitors.request_check(connection, number, user_id)
        monitor = await monitors.find(connection, number, user_id)
        if watch_id is None or monitor is None:
            raise UnknownMonitor
        return monitor

    return await state["database"].run(request)


async def _request(state: ActionState, request: WatchRequest, timeout: float) -> bool:
    """Request the case. Returns whether the portal listed it."""
    wish = request.wish
    wanted = CaseRequest(wish.number, wish.user_id, request.request_id, None, force_refresh=False, lane=request.lane)
    case = await request_case(state, wanted, is_listed=False, auto_download=True, with_documents=False, timeout=timeout)
    return not case.is_unlisted


async def _check_limit(connection: Connection, wish: MonitorWish) -> None:
    if await monitors.count_of_user(connection, wish.user_id, most=MONITORS_MAX) < MONITORS_MAX:
        return
    if await monitors.find(connection, wish.number, wish.user_id) is None:
        raise TooManyMonitors
