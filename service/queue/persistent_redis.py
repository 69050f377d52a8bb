"""A Redis client for a process that waits for its server, whatever happens to a connection.

redis-py tries commands again, but neither the greeting of a new connection nor what follows a WATCH, and arq's worker
dies of each of these errors. A server that refuses work (a replica, one without memory, a password that was changed)
counts as one that is away.
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
from redis.exceptions import RedisError, WatchError
from redis.typing import KeyT

from service.queue.redis_faults import RedisRefusesError, refusal
from service.queue.redis_outage import Outage

_T = TypeVar("_T")


class Backoff(ExponentialBackoff):
    """The pauses of all connections of a process, and what is told of them."""

    def __init__(self) -> None:
        """From 0.05 to 1 second."""
        super().__init__(cap=1, base=0.05)
        self.outage = Outage()

    def compute(self, failures: int) -> float:
        """Seconds until the next attempt."""
        return float(super().compute(min(failures, 16)))


class PersistentRetry(Retry):
    """Tries for ever, and tells of it."""

    def __init__(self, backoff: Backoff) -> None:
        """`backoff` may end it, by an exception."""
        super().__init__(backoff, -1)

    async def call_with_retry(self, do: Callable[[], Awaitable[_T]], fail: Callable[[RedisError], Any]) -> _T:
        """Call `do` until it succeeds, and `fail` after each failure; what that raises is an end."""
        backoff: Any = self._backoff  # a Backoff, says the constructor
        failures = 0
        while True:
            try:
                answer = await do()
            except self._supported_errors as error:
                failures += 1
                backoff.outage.fails(error)
                await fail(error)
                await asyncio.sleep(backoff.compute(failures))
            else:
                backoff.outage.works()
                return answer


class _PersistentConnection(AbstractConnection):
    async def connect(self) -> None:
        """As often as the pool's retry says, the greeting included."""
        await self.retry.call_with_retry(super().connect, self._begin_again)

    async def _begin_again(self, _error: Exception) -> None:
        await self.disconnect()

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """As it was. Raises `RedisRefusesError` where the server does no work for now."""
        try:
            return await super().read_response(*args, **options)
        except RedisError as error:
            if (reason := refusal(error)) is None:
                raise
            raise RedisRefusesError(reason) from error


class _PersistentPipeline(Pipeline):
    _watched: tuple[KeyT, ...] = ()

    async def watch(self, *names: KeyT) -> None:  # type: ignore[override]  # a mixin says that it is no coroutine
        """As it was, and remember what is watched."""
        self._watched = names
        await super().watch(*names)

    async def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        """Watch again where the connection was lost since."""
        failures = 0
        while True:
            try:
                return await super().immediate_execute_command(*args, **options)  # type: ignore[no-untyped-call]  # in redis
            except WatchError:
                await asyncio.sleep(self._backoff.compute(failures))
                failures += 1
                await self.watch(*self._watched)

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """As it was, but slowly where writes are refused: arq goes on with its next message at once."""
        try:
            answers: list[Any] = await super().execute(raise_on_error)
        except WatchError as error:
            if isinstance(error.__context__, RedisRefusesError):
                await asyncio.sleep(self._backoff.compute(16))
            raise
        return answers

    @property
    def _backoff(self) -> Backoff:
        backoff: Backoff = self.connection_pool.connection_kwargs["retry"]._backoff  # noqa: SLF001  (redis has no other way)
        return backoff

    async def reset(self) -> None:
        """Give the connection back; one that cannot be asked to watch no more is closed, which is as good."""
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
        """What is due in a queue, without what somebody has taken already.

        arq would ask three questions about each of those at every poll: 6 % of a core in place of 2.7 with 15 jobs.
        """
        due: list[bytes] = await super().zrangebyscore(name, *args, **options)
        if not due:
            return due
        taken = await self.mget([in_progress_key_prefix.encode() + each for each in due])
        return [each for each, mark in zip(due, taken, strict=True) if mark is None]

    async def delete(self, *names: KeyT) -> int:
        """As it was, but for a process that ends while Redis is away: its sign of life ends by itself.

        arq deletes that, and would end with a traceback, and without what it calls at its end.
        """
        try:
            deleted: int = await super().delete(*names)
        except redis.exceptions.ConnectionError:
            return 0
        return deleted

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Of commands that are executed together."""
        return _PersistentPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
