"""How often a client may ask for something: counted in Redis for all processes, in this one while Redis is away."""

import math
import time
from collections.abc import Mapping

import msgspec
import structlog
from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from service.api.problems import Problem


class Budget(msgspec.Struct, frozen=True):
    """What a client has left after a request."""

    allowed: bool
    limit: int
    remaining: int
    reset: int  #: seconds until the next request is possible, or until the whole budget is there again

    @property
    def headers(self) -> Mapping[str, str]:
        """The RateLimit headers of the answer."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }

    def check(self) -> None:
        """Raise the 429 problem where the request is one too many."""
        if self.allowed:
            return
        detail = f"Only {self.limit} of these requests are possible in this time. Ask again later."
        headers = {**self.headers, "Retry-After": str(self.reset)}
        raise Problem("rate_limited", detail, headers=headers)


class Rates(msgspec.Struct, frozen=True):
    """What each API key may ask for."""

    requests: RateLimitItem
    downloads: RateLimitItem  #: requests that may start a download


class RateLimiter:
    """Counts requests in a window that moves with the time."""

    def __init__(self, pool: ConnectionPool) -> None:
        """Take connections to Redis, which stay the caller's to close."""
        options = {"connection_pool": pool}
        # The address is that of the pool; only the scheme of this one is read.
        storage = RedisStorage("async+redis://", implementation="redispy", key_prefix="autos:limits", **options)  # type: ignore[arg-type]  # its own documentation lists the pool
        self._shared = MovingWindowRateLimiter(storage)
        self._local = MovingWindowRateLimiter(MemoryStorage())

    async def take(self, item: RateLimitItem, *identifiers: str) -> Budget:
        """Count one request of a client; answers whether it was one too many."""
        try:
            return await _take(self._shared, item, identifiers)
        except (RedisError, OSError) as error:
            structlog.get_logger().warning("rate_limits_counted_locally", error=type(error).__name__)
            return await _take(self._local, item, identifiers)


async def _take(limiter: MovingWindowRateLimiter, item: RateLimitItem, identifiers: tuple[str, ...]) -> Budget:
    allowed = await limiter.hit(item, *identifiers)
    stats = await limiter.get_window_stats(item, *identifiers)
    reset = max(1, math.ceil(stats.reset_time - time.time()))
    return Budget(allowed=allowed, limit=item.amount, remaining=stats.remaining, reset=reset)
