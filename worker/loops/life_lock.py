"""The loop that holds the worker's life lock, again and again when its session ends."""

from service.portal_access.life_lock import LifeLock
from worker.loops.run_forever import run_forever

HOLD_RETRY_DELAY = 1.0  # seconds after the session has ended


async def hold_for_ever(life_lock: LifeLock) -> None:
    """Hold the lock until cancelled."""
    await run_forever(life_lock.hold, interval=HOLD_RETRY_DELAY, postponed="life_lock_lost", failed="life_lock_failed")
