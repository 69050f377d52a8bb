"""The worker's loop around the sweep: whatever nobody works on is put back within seconds."""

import asyncio

import structlog

from service.database.connection import Database
from service.queue import Bell
from service.rescue import sweep

INTERVAL = 5.0  # seconds between two sweeps of one worker


async def sweep_for_ever(database: Database, bell: Bell) -> None:
    """Sweep now and then until cancelled. A database that is away is waited for."""
    while True:
        try:
            await sweep(database, bell)
        except Exception:  # noqa: BLE001  (process boundary: the loop that puts everything right must not end)
            structlog.get_logger().exception("sweep_failed")
        await asyncio.sleep(INTERVAL)
