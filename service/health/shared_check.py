"""A check of something that may hang, run once for all concurrent callers."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_PIECES = 15
CHECK_TIMEOUT = 1.5  # seconds; the result should come before a platform gives up its probe


class SharedCheck(Generic[T]):
    """Runs at most one check at a time, so that checks that hang do not pile up."""

    def __init__(self, ask: Callable[[], Awaitable[T]], *, patience: float = CHECK_TIMEOUT) -> None:
        """`ask` is cancelled after `patience` seconds. If it still does not end, callers soon stop waiting for it."""
        self._ask = ask
        self._patience = patience
        self._asking: asyncio.Task[T] | None = None

    async def answer(self) -> T:
        """Return the result of the check that is under way, or of a new one.

        Raises what `ask` raises, and `TimeoutError` if there is no result in time. Cancelling a caller does not cancel
        the check.
        """
        asking = self._asking
        if asking is None or asking.done():
            asking = self._asking = asyncio.create_task(self._ask_in_time())
            asking.add_done_callback(_retrieve)
        await wait_patiently({asking}, self._patience * 1.1)
        if not asking.done() or asking.cancelled():
            raise TimeoutError
        return asking.result()

    async def _ask_in_time(self) -> T:
        asking = asyncio.ensure_future(self._ask())
        try:
            await wait_patiently({asking}, self._patience)
        finally:
            # Wait for its end: until then it counts as under way, and no second one starts.
            if not asking.done():
                asking.cancel()
                await asyncio.wait({asking})
        if asking.cancelled():
            raise TimeoutError
        return asking.result()


async def wait_patiently(tasks: Collection["asyncio.Future[Any]"], patience: float) -> None:
    """Wait until all have ended, for `patience` seconds at most.

    In short pieces: if this process gets no CPU for a while, the others must not look as if they had hung.
    """
    pending: Collection[asyncio.Future[Any]] = tasks
    for _ in range(_PIECES):
        if pending:
            _done, pending = await asyncio.wait(pending, timeout=patience / _PIECES)


def _retrieve(task: "asyncio.Task[T]") -> None:
    """Retrieve the exception, so that asyncio does not log it if every caller has left."""
    if not task.cancelled():
        task.exception()
