"""Logs that Redis is away or refuses work: once for each reason, and again every minute."""

import asyncio
import time
from collections.abc import Awaitable

import structlog
from redis.exceptions import RedisError

from service.queue.redis_faults import RedisRefusesError, describe

UNLOGGED_OUTAGE = 2.0  # seconds; a connection that is lost and made again is not worth a line
OUTAGE_LOG_INTERVAL = 60.0  # seconds between two lines for the same reason
#: Seconds without a failure that end the outage. One success does not: reads work while writes are refused.
OUTAGE_END = 10.0
LOOK_TIMEOUT = 3.0  # seconds for the ping at the start of a process


class Outage:
    """The failures that a waiting process has met. One object for all of its connections."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, float]] = {}  # reason: time of the first failure and of the last
        self._told: dict[str, float] = {}  # reason: time of its last line

    def fails(self, error: BaseException) -> None:
        """Note that a command or a connection failed and will be retried."""
        now, reason = time.monotonic(), describe(error)
        since, last = self._seen.get(reason, (now, now))
        since = now if now - last > OUTAGE_END else since
        self._seen[reason] = (since, now)
        is_lasting = isinstance(error, RedisRefusesError) or now - since >= UNLOGGED_OUTAGE
        if is_lasting and (reason not in self._told or now - self._told[reason] >= OUTAGE_LOG_INTERVAL):
            self._told[reason] = now
            _tell(reason)

    def works(self) -> None:
        """Note that a command succeeded."""
        if not self._seen or time.monotonic() - max(last for _, last in self._seen.values()) <= OUTAGE_END:
            return
        if self._told:
            structlog.get_logger().info("redis_back")
        self._seen.clear()
        self._told.clear()


async def tell_if_away(ping: Awaitable[object]) -> None:
    """Log if Redis is away at the start of a process that can work without it."""
    try:
        async with asyncio.timeout(LOOK_TIMEOUT):
            await ping
    except (RedisError, OSError) as error:
        _tell(describe(error))


def _tell(reason: str) -> None:
    structlog.get_logger().error("redis_away", setting="REDIS_URL", reason=reason)
