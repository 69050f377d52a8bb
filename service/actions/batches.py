"""Runs a statement that would be too large in batches, each in its own transaction."""

from collections.abc import Awaitable, Callable

from service.database.connection import Connection, Database


async def in_batches(database: Database, step: Callable[[Connection], Awaitable[int]], *, size: int) -> int:
    """Repeat `step` until it handles fewer than `size` rows. Return how many rows all steps handled."""
    total, count = 0, size
    while count >= size:
        async with database.connection() as connection:
            count = await step(connection)
        total += count
    return total
