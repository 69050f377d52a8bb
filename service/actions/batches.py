"""Statements that would be too large at once: done in batches, each in a transaction of its own."""

from collections.abc import Awaitable, Callable

from service.database.connection import Connection, Database


async def in_batches(database: Database, step: Callable[[Connection], Awaitable[int]], *, size: int) -> int:
    """Repeat a step until it does less than a batch of `size`; returns how much all of them did."""
    total, count = 0, size
    while count >= size:
        async with database.connection() as connection:
            count = await step(connection)
        total += count
    return total
