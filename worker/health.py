"""What `arq worker.main.WorkerSettings --check` looks at: a key in Redis that this host's worker keeps alive."""

import asyncio
import socket
from datetime import timedelta

from arq.connections import ArqRedis

from service.queue import HEALTH_KEYS

INTERVAL = 5.0  # seconds
# arq's own entry outlives its interval by one second, which a busy machine can miss; this one by fifteen.
LIFE = timedelta(seconds=20)


def health_key() -> str:
    """One key for each host: with a key for all, a living worker would vouch for a dead one."""
    return HEALTH_KEYS + socket.gethostname()


async def stay_healthy(redis: ArqRedis) -> None:
    """Renew the key until cancelled."""
    while True:
        await redis.set(health_key(), b"alive", px=LIFE)
        await asyncio.sleep(INTERVAL)
