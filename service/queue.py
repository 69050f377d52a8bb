"""The contract between the two processes: what is rung, under which name, with which argument.

Redis only rings the bell: a message is an id, and every one of them may be lost or doubled without harm.
"""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

import msgspec
import redis.exceptions
import structlog
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import BusyLoadingError, RedisError

from service.persistent_redis import PersistentRedis

DOWNLOAD_QUEUE = "autos:downloads"
DELIVERY_QUEUE = "autos:deliveries"
#: Attempts that are not the first, and those at hosts that keep failing: first attempts do not wait behind them.
LATE_DELIVERY_QUEUE = "autos:late-deliveries"
DOWNLOAD_PROCESS = "download_process"
DELIVER_WEBHOOK = "deliver_webhook"

HEALTH_KEYS = "autos:health:"  # and the name of a host, as long as a worker lives there

#: How far the clocks of two machines may be apart: a message that is due by one must not be in the future of the other.
CLOCK_SKEW = timedelta(minutes=5)
EXPIRES = timedelta(days=1)  # of a message that no worker ever took
NOTICE_TERM = timedelta(seconds=10)  # for whoever notices that Redis was emptied
_HEARD = "autos:heard"  # there as long as Redis remembers what it was told

_FAULTS = [redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError, BusyLoadingError]


class Patience(ExponentialBackoff):
    """Waits for a Redis that is away until told not to; one object for all connections of a process.

    For the worker, which has nothing else to do. The API gives up at once: the sweep rings later.
    """

    def __init__(self) -> None:
        super().__init__(cap=1, base=0.05)
        self._is_over = False

    def __deepcopy__(self, _memo: object) -> Self:
        # redis copies its retries for each connection; this one has to be told once for all.
        return self

    def end(self) -> None:
        """Let every call fail that would wait from now on, so that the process can end."""
        self._is_over = True

    def compute(self, failures: int) -> float:
        """Seconds until the next attempt. Raises redis' ConnectionError after the end."""
        if self._is_over:
            raise redis.exceptions.ConnectionError("Redis is away, and this process ends")
        return float(super().compute(min(failures, 16)))


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
    retry = Retry(NoBackoff(), 1) if patience is None else Retry(patience, -1)
    pool = ConnectionPool.from_url(
        url,
        socket_timeout=1 if patience is None else 5,
        socket_connect_timeout=1 if patience is None else 3,
        health_check_interval=15,
        retry=retry,
        retry_on_error=_FAULTS,
        **options,
    )
    client = ArqRedis if patience is None else PersistentRedis
    return client(pool, job_serializer=encode_message, job_deserializer=decode_message)


def _job_bell(job_id: UUID) -> str:
    return f"download:{job_id}"


class Bell:
    """Tells workers that there is something to do."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    async def ring_job(self, job_id: UUID, *, since: datetime | None = None) -> bool:
        """Ask for a job to be claimed. It takes its place among those requested `since`, by default now.

        A job has one bell: ringing again does nothing as long as it waits.
        """
        when = {"_defer_by": -CLOCK_SKEW} if since is None else {"_defer_until": since - CLOCK_SKEW}
        return await self._ring(
            self._redis.enqueue_job,
            DOWNLOAD_PROCESS,
            str(job_id),
            _job_id=_job_bell(job_id),
            _queue_name=DOWNLOAD_QUEUE,
            _expires=EXPIRES,
            **when,
        )

    async def restore_jobs(self, jobs: Sequence[tuple[UUID, datetime]]) -> int:
        """Ring for jobs that nobody works on, each with the moment of its request; answers how many needed it.

        A bell that still waits is left alone. One that a worker took, which must have died, may be taken anew.
        """
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for job_id, _since in jobs:
                    pipe.zscore(DOWNLOAD_QUEUE, _job_bell(job_id))
                    pipe.delete(in_progress_key_prefix + _job_bell(job_id))
                answers = await pipe.execute()
        except (RedisError, OSError) as error:
            structlog.get_logger().warning("bells_not_restored", error=type(error).__name__, jobs=len(jobs))
            return 0
        restored = 0
        for (job_id, since), score, was_taken in zip(jobs, answers[::2], answers[1::2], strict=True):
            if score is None:
                restored += await self.ring_job(job_id, since=since)
            elif was_taken:
                restored += 1
        return restored

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

    async def notices_loss(self) -> bool:
        """Whether Redis lost everything since `remember`. Only one of many who ask at once is told.

        Whoever is told rings for everything and says `remember`, or else somebody is told again soon.
        """
        try:
            return bool(await self._redis.set(_HEARD, 1, nx=True, ex=NOTICE_TERM))
        except (RedisError, OSError):
            return False

    async def remember(self) -> None:
        """Note that everything that is due has been rung for."""
        with contextlib.suppress(RedisError, OSError):
            await self._redis.set(_HEARD, 1)

    async def hosts_of_workers(self) -> list[str]:
        """The hosts on which a worker lives. Raises redis' errors where it does not answer."""
        keys = [key async for key in self._redis.scan_iter(match=f"{HEALTH_KEYS}*", count=1000)]
        return sorted(key.decode().removeprefix(HEALTH_KEYS) for key in keys)

    async def ping(self) -> None:
        """Raises redis' errors where it does not answer."""
        await self._redis.ping()

    async def _ring(self, enqueue: Callable[..., Awaitable[object]], *args: Any, **kwargs: Any) -> bool:
        try:
            await enqueue(*args, **kwargs)
        except (RedisError, OSError) as error:
            structlog.get_logger().warning("bell_not_rung", error=type(error).__name__, message=kwargs["_job_id"])
            return False
        return True
