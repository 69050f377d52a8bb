"""Splits the work on large responses into slices: between two of them the event loop serves other requests."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LARGE_CASE_READERS = 2  # large cases that are read at the same time; the other database connections stay free
SLICE_SIZE = 50  # documents of a slice, during which nothing else runs


class Slices:
    """Lets all large responses of a process take turns, so that the event loop runs one slice at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._readers = asyncio.Semaphore(LARGE_CASE_READERS)

    def reading(self, count: int) -> AbstractAsyncContextManager[None]:
        """A slot to read `count` documents; few documents need none. Wait for it before you take a connection."""
        return nullcontext() if count <= SLICE_SIZE else self._readers

    async def run(
        self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], items: Sequence[Item]
    ) -> list[Result]:
        """Call `work` with one slice after the other, and return all results.

        `work` may wait for nothing but credentials, which all responses need.
        """
        if len(items) <= SLICE_SIZE:
            return list(await work(items))
        results: list[Result] = []
        for start in range(0, len(items), SLICE_SIZE):
            async with self._turn:
                results += await work(items[start : start + SLICE_SIZE])
                # Inside the lock: otherwise each response could run a slice before the loop serves other requests.
                await asyncio.sleep(0)
        return results
