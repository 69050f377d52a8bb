"""The worker's loop that deletes old deliveries and events."""

import asyncio
from datetime import timedelta

import structlog

from service.database.connection import UNREACHABLE, Database
from service.retention import remove_old_webhooks

INTERVAL = 600.0  # seconds


async def remove_for_ever(database: Database, *, days: int) -> None:
    """Delete now and then until cancelled; 0 days: keep everything.

    In a loop of its own: a first run over years of history must not hold the sweep up.
    """
    while days:
        try:
            removed = await remove_old_webhooks(database, older_than=timedelta(days=days))
            if removed:
                structlog.get_logger().info("webhooks_removed", rows=removed)
        except UNREACHABLE as error:
            structlog.get_logger().warning("webhooks_not_removed", error=type(error).__name__)
        except Exception:  # noqa: BLE001  (process boundary: what fails here must not end the worker)
            structlog.get_logger().exception("retention_failed")
        await asyncio.sleep(INTERVAL)
