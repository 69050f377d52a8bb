"""The contract between the two processes: what is rung, under which name, with which argument.

Redis only rings the bell: every message may be lost or doubled without harm.
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
from redis.exceptions import BusyLoadingError, RedisError

from service.queue.persistent_redis import Backoff, PersistentRedis, PersistentRetry

DOWNLOAD_QUEUE = "autos:downloads"
DELIVERY_QUEUE = "autos:deliveries"
#: Attempts that are not the first, and those at hosts that keep failing: first attempts do not wait behind them.
LATE_DELIVERY_QUEUE = "autos:late-deliveries"
DOWNLOAD_PROCESS = "download_process"
DELIVER_WEBHOOK = "deliver_webhook"

HEALTH_KEYS = "autos:health:"  # and a host, and perhaps the name of a worker, as long as it lives there
PROBE_KEY = "autos:probe"
PROBE_LIFE = timedelta(seconds=10)

#: How far the clocks of two machines may be apart: a message that is due by one must not be in the future of the other.
CLOCK_SKEW = timedelta(minutes=5)
EXPIRES = timedelta(days=1)  # of a message that no worker ever took
RING_TIMEOUT = 3.0  # seconds
WAKING_MESSAGES = 8  # for all jobs that wait

_FAULTS = [redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError, BusyLoadingError]


class Patience(Backoff):
    """Waits for a Redis that is away until told not to; one object for all connections of a process.

    For the worker, which has nothing else to do. The API gives up at once: the sweep rings later.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_over = False
        self._spared: tuple[asyncio.Task[Any] | None, ...] = ()

    def __deepcopy__(self, _memo: object) -> Self:
        # redis copies its retries for each connection; this one has to be told once for all.
        return self

    def end(self, *spared: "asyncio.Task[Any] | None") -> None:
        """Let every call fail that would wait from now on, so that the process can end.

        Those of `spared` tasks go on waiting: somebody cancels them in time.
        """
        self._is_over, self._spared = True, spared

    def compute(self, failures: int) -> float:
        """Seconds until the next attempt. Raises redis' ConnectionError after the end."""
        if self._is_over and asyncio.current_task() not in self._spared:
            raise redis.exceptions.ConnectionError("Redis is away, and this process ends")
        return super().compute(failures)


def _encode_exception(value: Any) -> Any:
    if isinstance(value, BaseException):
        return repr(value)
    raise NotImplementedError


encode_message: Callable[[dict[str, Any]], bytes] = msgspec.msgpack.Encoder(enc_hook=_encode_exception).encode
decode_message: Callable[[bytes], dict[str, Any]] = msgspec.msgpack.Decoder(dict[str, Any]).decode


def redis_pool(url: str, *, patience: Patience | None = None) -> ArqRedis:
    """A pool that notices a silent server within seconds. Connects when it is first used.

    arq's own pool has no socket timeout, and its worker dies when a connection breaks.
    """
    options: dict[str, Any] = {} if url.startswith("unix:") else {"socket_keepalive": True}
    retry = Retry(NoBackoff(), 1) if patience is None else PersistentRetry(patience)
    pool = ConnectionPool.from_url(
        url,
        socket_timeout=1 if patience is None else 5,
        socket_connect_timeout=1 if patience is None else 3,
        health_check_interval=15,
        retry=retry,
        retry_on_error=_FAULTS,
        # Users of an ACL may not be allowed to name their library.
        lib_name=None,
        lib_version=None,
        **options,
    )
    client = ArqRedis if patience is None else PersistentRedis
    return client(pool, job_serializer=encode_message, job_deserializer=decode_message)


class Bell:
    """Tells workers that there is something to do."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    async def ring_job(self, job_id: UUID) -> bool:
        """Tell a worker that a job waits. Which job it takes is decided in PostgreSQL.

        There are a few messages only, however many jobs wait; one that waits already does for this job too.
        """
        return await self._ring(
            self._redis.enqueue_job,
            DOWNLOAD_PROCESS,
            _job_id=f"download:{job_id.int % WAKING_MESSAGES}",
            _queue_name=DOWNLOAD_QUEUE,
            # The clocks of two machines differ: a message must not lie in the future of the worker.
            _defer_by=-CLOCK_SKEW,
            _expires=EXPIRES,
        )

    async def ring_delivery(
        self,
        delivery_id: UUID,
        *,
        attempt: int,
        rings: int = 0,
        after: timedelta | None = None,
        late: bool | None = None,
    ) -> bool:
        """Ask for one attempt of a delivery, now or `after` a while. By default all but the first are late ones."""
        is_late = attempt > 1 if late is None else late
        suffix = f":{rings}" if rings else ""
        return await self._ring(
            self._redis.enqueue_job,
            DELIVER_WEBHOOK,
            str(delivery_id),
            _job_id=f"deliver:{delivery_id}:{attempt}{suffix}",
            _queue_name=LATE_DELIVERY_QUEUE if is_late else DELIVERY_QUEUE,
            _defer_by=after,
        )

    async def hosts_of_workers(self) -> list[str]:
        """The hosts on which a worker lives, each with the worker's name if it has one. Raises redis' errors."""
        keys = [key async for key in self._redis.scan_iter(match=f"{HEALTH_KEYS}*", count=1000)]
        return sorted(key.decode().removeprefix(HEALTH_KEYS) for key in keys)

    async def ping(self) -> None:
        """Raises redis' errors where it does not answer, or takes no writes."""
        await self._redis.set(PROBE_KEY, b"1", px=PROBE_LIFE)

    async def _ring(self, enqueue: Callable[..., Awaitable[object]], *args: Any, **kwargs: Any) -> bool:
        try:
            # A worker's client would wait until Redis is back, and the sweep rings then.
            async with asyncio.timeout(RING_TIMEOUT):
                await enqueue(*args, **kwargs)
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            structlog.get_logger().warning("bell_not_rung", error=type(error).__name__, message=kwargs["_job_id"])
            return False
        return True
