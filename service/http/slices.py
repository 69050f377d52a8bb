"""The work on a large answer, in slices: between two of them the event loop serves everybody else."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

READERS = 2  # large cases that are read at a time: the connections of the others are for everybody else
SIZE = 50  # documents of a slice: to sign and encode them takes about three milliseconds


class Slices:
    """Lets all large answers of a process take turns, so that the loop has one slice to do at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._readers = asyncio.Semaphore(READERS)

    def reading(self, count: int) -> AbstractAsyncContextManager[None]:
        """Wait for a place before so many documents are read, if they are many. No connection is held meanwhile."""
        return nullcontext() if count <= SIZE else self._readers

    async def run(
        self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], items: Sequence[Item]
    ) -> list[Result]:
        """The results of `work`, which is called with one slice after the other and waits for nothing but
        credentials, which all of them need."""
        if len(items) <= SIZE:
            return list(await work(items))
        results: list[Result] = []
        for start in range(0, len(items), SIZE):
            async with self._turn:
                results += await work(items[start : start + SIZE])
                # Within the turn: the work itself need not wait for anything, and all would have theirs at once.
                await asyncio.sleep(0)
        return results
