"""Connects to the first usable one of several servers."""

from typing import Any

import asyncpg

HOST_CONNECT_TIMEOUT = 5.0  # seconds; a lost machine does not respond, and the next one must be tried in time
_NEXT: tuple[type[Exception], ...] = (
    OSError,  # TimeoutError among them
    asyncpg.CannotConnectNowError,
    asyncpg.TargetServerAttributeNotMatched,
)


async def connect_to_any(
    dsn: str | None,
    *,
    host: list[str],
    port: int | list[int] | None,
    timeout: float = HOST_CONNECT_TIMEOUT,
    **options: Any,
) -> asyncpg.Connection:
    """Like asyncpg.connect, but `timeout` applies to each host: asyncpg would spend it on the first one.

    Raises the error of the last host if none is usable. A refused password is raised at once.
    """
    ports = port if isinstance(port, list) else [port] * len(host)
    *others, last = zip(host, ports, strict=True)
    for name, number in others:
        try:
            return await asyncpg.connect(dsn, host=name, port=number, timeout=timeout, **options)
        except _NEXT:
            continue
    return await asyncpg.connect(dsn, host=last[0], port=last[1], timeout=timeout, **options)
