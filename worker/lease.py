"""A lease of this process, from the claim to the end of the work. Every kind of leased work goes through here.

A lease that this process does not know of would block the work until the lease ends. So a claim is never cut off, and
work that is cancelled gives its lease back first. `service/database/leases.py` has the statements.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from service.database import leases
from service.database.connection import UNREACHABLE, Database
from service.database.leases import Leased, LeasedTable, LeaseLost

RENEW_INTERVAL = 1.0  # seconds; a cancelled job is noticed within one

_T = TypeVar("_T")


def ends_at(term: timedelta) -> float:
    """Return when a lease of `term` ends at the earliest, by the event loop's clock.

    Call it before the statement that claims or renews: the database counts from later, so this process stops first.
    """
    return asyncio.get_running_loop().time() + term.total_seconds()


async def finish(work: Coroutine[Any, Any, _T], *, within: float | None = None) -> _T:
    """Run `work` to its end even if this task is cancelled, and raise the cancellation then.

    `within`: seconds that `work` has after the cancellation.
    """
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working], timeout=within)
        working.cancel()
        raise


async def claim(
    claiming: Coroutine[Any, Any, _T | None], give_back: Callable[[_T], Coroutine[Any, Any, None]]
) -> _T | None:
    """Run a claim. If this task is cancelled meanwhile, give back what was claimed, and raise the cancellation then."""
    future = asyncio.ensure_future(claiming)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await finish(_give_back_result(future, give_back))
        raise


async def _give_back_result(
    future: asyncio.Future[_T | None], give_back: Callable[[_T], Coroutine[Any, Any, None]]
) -> None:
    claimed = await future
    if claimed is not None:
        await give_back(claimed)


@asynccontextmanager
async def given_back_if_cancelled(give_back: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """If the work is cancelled, give its lease back: another worker takes it at once."""
    try:
        yield
    except asyncio.CancelledError:
        await finish(give_back())
        raise


async def keep(
    database: Database, table: LeasedTable, leased: Leased, work: Coroutine[Any, Any, _T], *, term: timedelta
) -> _T:
    """Run `work` and renew the lease meanwhile. Raises `LeaseLost` after it has stopped `work`."""
    working = asyncio.ensure_future(work)
    renewing = asyncio.ensure_future(_renew_until_lost(database, table, leased, term))
    both: set[asyncio.Future[Any]] = {working, renewing}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in both:
            future.cancel()
        await asyncio.wait(both)
    if not working.cancelled():
        return working.result()
    renewing.result()
    raise LeaseLost


async def _renew_until_lost(database: Database, table: LeasedTable, leased: Leased, term: timedelta) -> None:
    """Raises `LeaseLost` if the lease is lost, or if the database is away for longer than it lasts."""
    clock = asyncio.get_running_loop().time
    deadline = ends_at(term)
    while clock() < deadline:
        await asyncio.sleep(RENEW_INTERVAL)
        renewed_until = ends_at(term)
        with LoggedIfUnreachable("lease_not_renewed"):
            async with asyncio.timeout_at(deadline), database.connection() as connection:
                is_held = await leases.renew(connection, table, leased, term=term)
            if not is_held:
                break
            deadline = renewed_until
    raise LeaseLost


class LoggedIfUnreachable:
    """Logs `event` if the database is away, and goes on. A lease ends by itself, and the sweep finds its row."""

    def __init__(self, event: str) -> None:
        self._event = event

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> bool:
        if not isinstance(error, UNREACHABLE):
            return False
        structlog.get_logger().warning(self._event, error=type(error).__name__)
        return True
