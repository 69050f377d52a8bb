"""A question to something that may hang, asked once for all who want to know at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

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
        await asyncio.wait({asking}, timeout=self._patience * 1.1)
        if not asking.done() or asking.cancelled():
            raise TimeoutError
        return asking.result()

    async def _ask_in_time(self) -> T:
        async with asyncio.timeout(self._patience):
            return await self._ask()


def _retrieve(task: "asyncio.Task[T]") -> None:
    """Look at the failure of a question that nobody waits for any more: asyncio would complain in the log."""
    if not task.cancelled():
        task.exception()
