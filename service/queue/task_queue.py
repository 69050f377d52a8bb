"""The contract between the API and the worker: queues, task names, message ids and arguments.

Redis only wakes the workers: every message may be lost or delivered twice without harm.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

import msgspec
import redis.exceptions
import structlog
from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.domain.deliveries import DeliveryMessage
from service.queue.persistent_redis import REDIS_FAULTS, Backoff, PersistentRedis, PersistentRetry
from service.queue.redis_faults import describe

DOWNLOAD_QUEUE = "autos:downloads"
DELIVERY_QUEUE = "autos:deliveries"
#: Second and later attempts, and attempts at hosts that keep failing. So first attempts do not wait behind them.
RETRY_QUEUE = "autos:late-deliveries"
DOWNLOAD_PROCESS = "download_process"
DELIVER_WEBHOOK = "deliver_webhook"


class QueuedTask(msgspec.Struct, frozen=True):
    """A function of the worker whose messages name a row each, and the queue that they go to."""

    function: str
    queue: str


FIRST_ATTEMPTS = QueuedTask(DELIVER_WEBHOOK, DELIVERY_QUEUE)
RETRIES = QueuedTask(DELIVER_WEBHOOK, RETRY_QUEUE)

HEALTH_KEYS = "autos:health:"  # prefix of the workers' health keys, before <host> or <host>/<worker name>
PROBE_KEY = "autos:probe"
PROBE_LIFE = timedelta(seconds=10)

#: How far the clocks of two machines may differ. Messages are dated back by this, so that no worker takes them late.
CLOCK_SKEW = timedelta(minutes=5)
MESSAGE_LIFETIME = timedelta(days=1)  # of a message that no worker ever took
ENQUEUE_TIMEOUT = 3.0  # seconds
WAKING_MESSAGES = 8  # message ids that all waiting jobs share


class RetryUntilShutdown(Backoff):
    """Waits for a Redis that is away until `end` is called. One object for all connections of a process.

    For the worker, which has nothing else to do. The API does not wait: the worker's sweep enqueues the message later.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_over = False
        self._spared: tuple[asyncio.Task[Any] | None, ...] = ()

    def __deepcopy__(self, _memo: object) -> Self:
        # redis-py copies the retry for each connection, but one call of `end` must reach all of them.
        return self

    def end(self, *spared: "asyncio.Task[Any] | None") -> None:
        """From now on, calls fail instead of waiting, so that the process can end.

        Calls of the `spared` tasks still wait: the caller cancels these tasks later.
        """
        self._is_over, self._spared = True, spared

    def compute(self, failures: int) -> float:
        """Seconds until the next attempt. Raises redis' ConnectionError after `end`."""
        if self._is_over and asyncio.current_task() not in self._spared:
            raise redis.exceptions.ConnectionError("Redis is away, and this process ends")
        return super().compute(failures)


def _encode_exception(value: Any) -> Any:
    if isinstance(value, BaseException):
        return repr(value)
    raise NotImplementedError


encode_message: Callable[[dict[str, Any]], bytes] = msgspec.msgpack.Encoder(enc_hook=_encode_exception).encode
decode_message: Callable[[bytes], dict[str, Any]] = msgspec.msgpack.Decoder(dict[str, Any]).decode


def redis_pool(url: str, *, retry: RetryUntilShutdown | None = None) -> ArqRedis:
    """A pool that detects a silent server within seconds. It connects on first use.

    arq's own pool has no socket timeout, and its worker ends when a connection breaks.
    """
    options: dict[str, Any] = {} if url.startswith("unix:") else {"socket_keepalive": True}
    policy = Retry(NoBackoff(), 1) if retry is None else PersistentRetry(retry)
    pool = ConnectionPool.from_url(
        url,
        socket_timeout=1 if retry is None else 5,
        socket_connect_timeout=1 if retry is None else 3,
        health_check_interval=15,
        retry=policy,
        retry_on_error=[*REDIS_FAULTS],
        # The ACL of a Redis user may forbid CLIENT SETINFO.
        lib_name=None,
        lib_version=None,
        **options,
    )
    client = ArqRedis if retry is None else PersistentRedis
    return client(pool, job_serializer=encode_message, job_deserializer=decode_message)


class TaskQueue:
    """Enqueues the messages that wake workers. The `enqueue_` methods return False if Redis fails."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    async def enqueue_job(self, job_id: UUID) -> bool:
        """Enqueue a message that wakes a worker. PostgreSQL decides which job the worker takes.

        All jobs share `WAKING_MESSAGES` message ids: a message that is already queued serves this job too.
        """
        return await self._enqueue(
            self._redis.enqueue_job,
            DOWNLOAD_PROCESS,
            _job_id=f"download:{job_id.int % WAKING_MESSAGES}",
            _queue_name=DOWNLOAD_QUEUE,
            # The message must not be in the future by the worker's clock.
            _defer_by=-CLOCK_SKEW,
            _expires=MESSAGE_LIFETIME,
        )

    async def enqueue_delivery(self, message: DeliveryMessage) -> bool:
        """Enqueue one attempt of a delivery."""
        suffix = f":{message.enqueue_count}" if message.enqueue_count else ""
        return await self.enqueue_row(
            RETRIES if message.in_retry_lane else FIRST_ATTEMPTS,
            message.id,
            message=f"deliver:{message.id}:{message.attempt}{suffix}",
            after=message.after,
        )

    async def enqueue_row(
        self, task: QueuedTask, row_id: UUID, *, message: str, after: timedelta | None = None
    ) -> bool:
        """Enqueue work on one row, now or `after` a delay. A `message` whose id is queued already is dropped."""
        return await self._enqueue(
            self._redis.enqueue_job,
            task.function,
            str(row_id),
            _job_id=message,
            _queue_name=task.queue,
            _defer_by=after,
        )

    async def hosts_of_workers(self) -> list[str]:
        """The hosts of running workers, as `<host>` or `<host>/<worker name>`. Raises redis' errors."""
        keys = [key async for key in self._redis.scan_iter(match=f"{HEALTH_KEYS}*", count=1000)]
        return sorted(key.decode().removeprefix(HEALTH_KEYS) for key in keys)

    async def ping(self) -> None:
        """Raises redis' errors if Redis does not answer or refuses writes."""
        await self._redis.set(PROBE_KEY, b"1", px=PROBE_LIFE)

    async def _enqueue(self, send: Callable[..., Awaitable[object]], *args: Any, **kwargs: Any) -> bool:
        try:
            # Without this, a worker's client would wait until Redis is back. The sweep enqueues the message then.
            async with asyncio.timeout(ENQUEUE_TIMEOUT):
                await send(*args, **kwargs)
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            why = {"error": type(error).__name__, "reason": describe(error)}
            structlog.get_logger().warning("bell_not_rung", **why, message=kwargs["_job_id"])
            return False
        return True
