"""The health key in Redis: a worker renews it, and `arq worker.main.WorkerSettings --check` reads it."""

import asyncio
import contextlib
import os
import socket
from datetime import timedelta

from arq.connections import ArqRedis
from redis.exceptions import RedisError

from service.queue.redis_faults import describe
from service.queue.task_queue import HEALTH_KEYS, TaskQueue, redis_pool

HEALTH_INTERVAL = 5.0  # seconds
LEAVING_LIFETIME = timedelta(seconds=HEALTH_INTERVAL + 1)
LEAVE_TIMEOUT = 1.0  # seconds
# arq's own key outlives its interval by one second, which a busy machine can miss; this one by fifteen.
HEALTH_KEY_LIFETIME = timedelta(seconds=20)


class Unhealthy(Exception):
    """The worker does not renew its key, or Redis fails. The message is one line."""


def health_key(name: str | None) -> str:
    """One key for each name on a host, so that a live worker does not hide a dead one. Nameless workers share a key."""
    host = HEALTH_KEYS + socket.gethostname()
    return host if name is None else f"{host}/{name}"


def arq_health_key(name: str | None) -> str:
    """The key that arq renews, and deletes when it ends: never the one that nameless workers of a host share."""
    return f"autos:arq:{socket.gethostname()}:{os.getpid()}" if name is None else health_key(name)


async def stay_healthy(redis: ArqRedis, name: str | None) -> None:
    """Renew the key until cancelled."""
    # Not `run_forever`: the client waits while Redis is away, and the worker has to end by any other error.
    while True:
        await redis.set(health_key(name), b"alive", px=HEALTH_KEY_LIFETIME)
        await asyncio.sleep(HEALTH_INTERVAL)


async def leave(redis: ArqRedis, name: str | None) -> None:
    """Let the key expire soon. If nameless workers share it, the others renew it before that."""
    with contextlib.suppress(RedisError, OSError):
        async with asyncio.timeout(LEAVE_TIMEOUT):
            await redis.pexpire(health_key(name), LEAVING_LIFETIME)


async def check_health(redis_url: str, name: str | None) -> str:
    """Return one line that names the worker that is alive. Raises `Unhealthy`."""
    redis = redis_pool(redis_url)
    shown = "the worker of this host" if name is None else f"the worker {name} of this host"
    try:
        # If Redis takes no writes, the worker cannot renew its key either: that is the error to report.
        await TaskQueue(redis).ping()
        is_alive = await redis.exists(health_key(name))
    except (RedisError, OSError) as error:
        raise Unhealthy(f"REDIS_URL: {describe(error)}") from None
    finally:
        await redis.aclose(close_connection_pool=True)
    if not is_alive:
        raise Unhealthy(f"{shown} has given no sign of life for {HEALTH_KEY_LIFETIME.total_seconds():.0f} seconds")
    return f"{shown} lives"
