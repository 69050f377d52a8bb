"""Loops that run as long as the worker does."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from service.database.connection import UNREACHABLE


async def run_forever(name: str, step: Callable[[], Awaitable[None]], *, interval: float) -> None:
    """Run `step` every `interval` seconds until cancelled. `name` begins the log events of a step that fails."""
    while True:
        try:
            await step()
        except UNREACHABLE as error:
            structlog.get_logger().warning(f"{name}_postponed", error=type(error).__name__)
        except Exception:  # noqa: BLE001  (process boundary: a step that fails must not end the loop)
            structlog.get_logger().exception(f"{name}_failed")
        await asyncio.sleep(interval)
