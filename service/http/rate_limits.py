"""Rate limits: counted in Redis for all processes together, or in this process while Redis is away."""

import asyncio
import math
import time
from collections.abc import Mapping

import msgspec
import structlog
from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from service.http.problems import Problem
from service.queue.redis_faults import describe

REDIS_TIMEOUT = 0.5  # seconds that a request waits for Redis at most
REDIS_CONCURRENCY = 16  # requests of one process that ask Redis together; the wait for it is not in REDIS_TIMEOUT
REDIS_RETRY_DELAY = 5.0  # seconds until Redis is asked again after it failed


class Budget(msgspec.Struct, frozen=True):
    """What a client has left after a request."""

    allowed: bool
    limit: int
    remaining: int
    cost: int  #: what was asked for, which may be more than the limit
    reset: int  #: seconds until `remaining` grows; a request that was refused is possible then

    @property
    def headers(self) -> Mapping[str, str]:
        """The RateLimit headers of the response."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }

    def check(self) -> None:
        """Raise the problem `rate_limited` (429) if the request is not allowed."""
        if self.allowed:
            return
        detail = f"Only {self.limit} of these requests are possible in this time. Ask again later."
        if self.cost > 1:
            detail = (
                f"Only {self.limit} cases may be started by searches in this time. {self.cost} of these cases need"
                f" work, and {self.remaining} may be started now. Ask for fewer, or again later."
            )
        headers = {**self.headers, "Retry-After": str(self.reset)}
        raise Problem("rate_limited", detail, headers=headers)


class Rates(msgspec.Struct, frozen=True):
    """The limits of each API key."""

    requests: RateLimitItem
    downloads: RateLimitItem  #: requests that may start a download
    numbers: RateLimitItem  #: cases that searches may start


class RateLimiter:
    """Counts requests in a sliding window, with two counters for each limit and client, however large the limit is."""

    def __init__(self, url: str, *, pause: float = REDIS_RETRY_DELAY) -> None:
        """Connect to the Redis at `url` when it is first used. `pause` is in seconds."""
        # A pool of its own: its timeouts are shorter than those of the queue, and it never retries.
        self._pool = ConnectionPool.from_url(url, socket_timeout=REDIS_TIMEOUT, socket_connect_timeout=REDIS_TIMEOUT)
        options = {"connection_pool": self._pool}
        # The pool has the address; only the scheme of this URL is read.
        storage = RedisStorage("async+redis://", implementation="redispy", key_prefix="autos:limits", **options)  # type: ignore[arg-type]  # its own documentation lists the pool
        self._shared = SlidingWindowCounterRateLimiter(storage)
        self._local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._places = asyncio.Semaphore(REDIS_CONCURRENCY)
        self.pause = pause
        self._local_until: float | None = None  # on the monotonic clock; None while Redis answers

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    async def take(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> Budget:
        """Count a request of a client, and return what is left.

        A `cost` above the whole limit uses the whole limit.
        """
        counted = min(cost, item.amount)
        async with self._places:
            budget = await self._take_shared(item, identifiers, counted)
        budget = budget or await _take(self._local, item, identifiers, counted)
        return msgspec.structs.replace(budget, cost=cost)

    async def look(self, item: RateLimitItem, *identifiers: str) -> Budget:
        """Return what a client has left, without counting anything. It is allowed if one more request is."""
        async with self._places:
            budget = await self._take_shared(item, identifiers, 0)
        budget = budget or await _take(self._local, item, identifiers, 0)
        return msgspec.structs.replace(budget, allowed=budget.remaining > 0, cost=1)

    async def _take_shared(self, item: RateLimitItem, identifiers: tuple[str, ...], cost: int) -> Budget | None:
        """Count in Redis. None if it fails, or failed less than `pause` seconds ago."""
        if self._local_until is not None:
            if time.monotonic() < self._local_until:
                return None
            # This request finds out whether Redis is back; concurrent ones are counted locally meanwhile.
            self._local_until = time.monotonic() + self.pause
        try:
            # The pool opens one connection at a time: without this, many requests would wait one after the other.
            async with asyncio.timeout(REDIS_TIMEOUT):
                budget = await _take(self._shared, item, identifiers, cost)
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            if self._local_until is None:
                why = {"error": type(error).__name__, "reason": describe(error)}
                structlog.get_logger().warning("rate_limits_counted_locally", **why)
            self._local_until = time.monotonic() + self.pause
            return None
        if self._local_until is not None:
            structlog.get_logger().info("rate_limits_shared_again")
            self._local_until = None
        return budget


async def _take(
    limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, identifiers: tuple[str, ...], cost: int
) -> Budget:
    allowed = not cost or await limiter.hit(item, *identifiers, cost=cost)
    stats = await limiter.get_window_stats(item, *identifiers)
    if stats.reset_time <= time.time():
        # In the first millisecond of a window, limits returns 0 seconds in place of the whole window. Ask again.
        await asyncio.sleep(0.001)
        stats = await limiter.get_window_stats(item, *identifiers)
    reset = max(1, math.ceil(stats.reset_time - time.time()))
    # The window may have moved between the two calls.
    remaining = stats.remaining if allowed or cost > 1 else 0
    if not allowed:
        # A budget comes back evenly over its window.
        reset = max(reset, math.ceil(item.get_expiry() * (cost - remaining) / item.amount) if cost > 1 else 0)
    return Budget(allowed=allowed, limit=item.amount, remaining=remaining, cost=cost, reset=reset)
