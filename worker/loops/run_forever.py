"""Loops that run as long as the worker does."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from service.database.connection import UNREACHABLE


async def run_forever(step: Callable[[], Awaitable[None]], *, interval: float, postponed: str, failed: str) -> None:
    """Run `step` every `interval` seconds until cancelled.

    Logs `postponed` if the database is away, and `failed` with a traceback for any other error.
    """
    while True:
        try:
            await step()
        except UNREACHABLE as error:
            structlog.get_logger().warning(postponed, error=type(error).__name__)
        except Exception:  # noqa: BLE001  (process boundary: a step that fails must not end the loop)
            structlog.get_logger().exception(failed)
        await asyncio.sleep(interval)
