"""Tells of a Redis that does no work: once for each reason, and again every minute."""

import asyncio
import time
from collections.abc import Awaitable

import structlog
from redis.exceptions import RedisError

from service.queue.redis_faults import RedisRefusesError, describe

GRACE = 2.0  # seconds; a connection that is lost and made again is not worth a line
QUIET = 60.0  # seconds between two lines
GAP = 10.0  # seconds without a failure after which all is well: reads succeed while writes are refused
LOOK_TIMEOUT = 3.0  # seconds that a start waits for


class Outage:
    """What a process that waits has met. One for all of its connections."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, float]] = {}  # reason: since when, and the last time
        self._told: dict[str, float] = {}

    def fails(self, error: BaseException) -> None:
        """Note that a command or a connection failed, and is tried again."""
        now, reason = time.monotonic(), describe(error)
        since, last = self._seen.get(reason, (now, now))
        since = now if now - last > GAP else since
        self._seen[reason] = (since, now)
        is_lasting = isinstance(error, RedisRefusesError) or now - since >= GRACE
        if is_lasting and (reason not in self._told or now - self._told[reason] >= QUIET):
            self._told[reason] = now
            _tell(reason)

    def works(self) -> None:
        """Note that a command succeeded."""
        if not self._seen or time.monotonic() - max(last for _, last in self._seen.values()) <= GAP:
            return
        if self._told:
            structlog.get_logger().info("redis_back")
        self._seen.clear()
        self._told.clear()


async def tell_if_away(ping: Awaitable[object]) -> None:
    """Say at the start of a process that goes on without Redis if it has to."""
    try:
        async with asyncio.timeout(LOOK_TIMEOUT):
            await ping
    except (RedisError, OSError) as error:
        _tell(describe(error))


def _tell(reason: str) -> None:
    structlog.get_logger().error("redis_away", setting="REDIS_URL", reason=reason)
