"""A connection to the first of several servers that can be used."""

from typing import Any

import asyncpg

PATIENCE = 5.0  # seconds for each server; a lost machine answers nothing, and the next one has to get its turn
_NEXT: tuple[type[Exception], ...] = (
    OSError,  # TimeoutError among them
    asyncpg.CannotConnectNowError,
    asyncpg.TargetServerAttributeNotMatched,
)


async def connect_to_any(
    dsn: str | None, *, host: list[str], port: int | list[int] | None, timeout: float = PATIENCE, **options: Any
) -> asyncpg.Connection:
    """As asyncpg.connect, which would have one time limit for all `host` and spend it on the first.

    Raises what the last one did. A server that refuses the password is no reason to ask another one.
    """
    ports = port if isinstance(port, list) else [port] * len(host)
    *others, last = zip(host, ports, strict=True)
    for name, number in others:
        try:
            return await asyncpg.connect(dsn, host=name, port=number, timeout=timeout, **options)
        except _NEXT:
            continue
    return await asyncpg.connect(dsn, host=last[0], port=last[1], timeout=timeout, **options)
