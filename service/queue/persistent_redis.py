"""A Redis client for a process that waits for its server, whatever happens to a connection.

redis-py retries commands, but neither the handshake of a new connection nor what follows a WATCH, and arq's worker
ends with each of these errors. A server that refuses work (a replica, no memory left, a changed password) is treated
like one that is away.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import redis.exceptions
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix
from redis.asyncio import ConnectionPool
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, RedisError, WatchError
from redis.typing import KeyT

from service.queue.redis_faults import RedisRefusesError, refusal
from service.queue.redis_outage import Outage

_T = TypeVar("_T")

REDIS_FAULTS: tuple[type[Exception], ...] = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    OSError,
    BusyLoadingError,
)


class Backoff(ExponentialBackoff):
    """The pauses between retries, and the outage that they report to. One object for all connections of a process."""

    def __init__(self) -> None:
        """Pauses from 0.05 to 1 second."""
        super().__init__(cap=1, base=0.05)
        self.outage = Outage()

    def compute(self, failures: int) -> float:
        """Seconds until the next attempt."""
        return float(super().compute(min(failures, 16)))


class PersistentRetry(Retry):
    """Retries forever, and reports each failure to the backoff's `Outage`."""

    def __init__(self, backoff: Backoff) -> None:
        """`backoff` may end the retries by raising an exception."""
        super().__init__(backoff, -1)
        self.backoff = backoff

    async def call_with_retry(self, do: Callable[[], Awaitable[_T]], fail: Callable[[Any], Any]) -> _T:
        """Call `do` until it succeeds, and `fail` after each failure. An exception of `fail` ends the retries."""
        failures = 0
        while True:
            try:
                answer = await do()
            except REDIS_FAULTS as error:
                failures += 1
                self.backoff.outage.fails(error)
                await fail(error)
                await asyncio.sleep(self.backoff.compute(failures))
            else:
                self.backoff.outage.works()
                return answer


class _PersistentConnection(AbstractConnection):
    async def connect(self) -> None:
        """Retry with the pool's retry; redis-py would not retry the handshake."""
        await self.retry.call_with_retry(super().connect, self._begin_again)

    async def _begin_again(self, _error: Exception) -> None:
        await self.disconnect()

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """Raises `RedisRefusesError` if the server refuses work for now."""
        try:
            return await super().read_response(*args, **options)
        except RedisError as error:
            if (reason := refusal(error)) is None:
                raise
            raise RedisRefusesError(reason) from error


class _PersistentPipeline(Pipeline):
    _watched: tuple[KeyT, ...] = ()

    async def watch(self, *names: KeyT) -> None:  # type: ignore[override]  # a mixin says that it is no coroutine
        """Remember the keys, so that they can be watched again."""
        self._watched = names
        await super().watch(*names)

    async def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        """Retry if the connection was lost since WATCH, after watching the keys again."""
        failures = 0
        while True:
            try:
                return await super().immediate_execute_command(*args, **options)  # type: ignore[no-untyped-call]  # in redis
            except WatchError:
                await asyncio.sleep(self._pauses.compute(failures))
                failures += 1
                await self.watch(*self._watched)

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Pause before the WatchError of a refused write: arq goes on with its next message at once."""
        try:
            answers: list[Any] = await super().execute(raise_on_error)
        except WatchError as error:
            if isinstance(error.__context__, RedisRefusesError):
                await asyncio.sleep(self._pauses.compute(16))
            raise
        return answers

    @property
    def _pauses(self) -> Backoff:
        retry: PersistentRetry = self.connection_pool.connection_kwargs["retry"]
        return retry.backoff

    async def reset(self) -> None:
        """Return the connection to the pool. If UNWATCH fails, close it instead."""
        try:
            await super().reset()  # type: ignore[no-untyped-call]  # in redis
        except RedisError:
            self.watching = False
            if self.connection is not None:
                await self.connection.disconnect()
            await super().reset()  # type: ignore[no-untyped-call]  # in redis


class PersistentRedis(ArqRedis):
    """arq's client for a worker, on a pool whose retry never gives up."""

    def __init__(self, pool: ConnectionPool, **options: Any) -> None:
        kind = pool.connection_class
        pool.connection_class = type(f"Persistent{kind.__name__}", (_PersistentConnection, kind), {})
        super().__init__(pool, **options)

    async def zrangebyscore(self, name: KeyT, *args: Any, **options: Any) -> list[bytes]:
        """The messages that are due in a queue, without those that a worker is already running.

        arq would send several commands for each of those at every poll.
        """
        due: list[bytes] = await super().zrangebyscore(name, *args, **options)
        if not due:
            return due
        taken = await self.mget([in_progress_key_prefix.encode() + each for each in due])
        return [each for each, mark in zip(due, taken, strict=True) if mark is None]

    async def delete(self, *names: KeyT) -> int:
        """Return 0 instead of an error if Redis is away while the process ends.

        arq deletes its health key at the end. An error there would skip `on_shutdown`; the key expires by itself.
        """
        try:
            deleted: int = await super().delete(*names)
        except redis.exceptions.ConnectionError:
            return 0
        return deleted

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """A pipeline that survives a lost connection after WATCH."""
        return _PersistentPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
