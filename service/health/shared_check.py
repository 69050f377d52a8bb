"""A question to something that may hang, asked once for all who want to know at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_PIECES = 15
PATIENCE = 1.5  # seconds; probes of platforms are given up after one to ten, and this is to be told before


class SharedCheck(Generic[T]):
    """At most one question is under way, so that those that hang do not pile up."""

    def __init__(self, ask: Callable[[], Awaitable[T]], *, patience: float = PATIENCE) -> None:
        """`ask` is cancelled after `patience` seconds; if it does not end then either, it is left alone soon after."""
        self._ask = ask
        self._patience = patience
        self._asking: asyncio.Task[T] | None = None

    async def answer(self) -> T:
        """The answer of the question that is under way, or of a new one.

        Raises what `ask` raises, and `TimeoutError` where there is no answer in time. Who is cancelled here leaves the
        question to the others.
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
            # Waited for: as long as it has not ended it is under way.
            if not asking.done():
                asking.cancel()
                await asyncio.wait({asking})
        if asking.cancelled():
            raise TimeoutError
        return asking.result()


async def wait_patiently(tasks: Collection["asyncio.Future[Any]"], patience: float) -> None:
    """Wait until all have ended, for `patience` seconds at most.

    In pieces: a process that gets no CPU for a while must not take its own standstill for that of the others.
    """
    pending: Collection[asyncio.Future[Any]] = tasks
    for _ in range(_PIECES):
        if pending:
            _done, pending = await asyncio.wait(pending, timeout=patience / _PIECES)


def _retrieve(task: "asyncio.Task[T]") -> None:
    """Look at the failure of a question that nobody waits for any more: asyncio would complain in the log."""
    if not task.cancelled():
        task.exception()
