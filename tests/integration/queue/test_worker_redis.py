"""How a worker polls for due work."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix

from service.local.stack import Stack
from service.queue.task_queue import RetryUntilShutdown, redis_pool
from worker.loops.health import HEALTH_INTERVAL, HEALTH_KEY_LIFETIME, health_key, leave


@pytest.fixture
async def redis(stack: Stack) -> AsyncIterator[ArqRedis]:
    redis = redis_pool(stack.endpoints.redis_url, retry=RetryUntilShutdown())
    yield redis
    await redis.aclose(close_connection_pool=True)


async def test_what_somebody_has_taken_is_not_due(redis: ArqRedis) -> None:
    queue, jobs = f"queue-{uuid4()}", [str(uuid4()) for _ in range(3)]
    for place, each in enumerate(jobs):
        await redis.enqueue_job("work", _job_id=each, _queue_name=queue, _defer_by=place - 10)
    await redis.set(in_progress_key_prefix + jobs[1], 1, ex=60)

    due = await redis.zrangebyscore(queue, min=float("-inf"), max=float("inf"), start=0, num=1000)

    assert due == [jobs[0].encode(), jobs[2].encode()]


async def test_a_queue_may_be_empty(redis: ArqRedis) -> None:
    assert await redis.zrangebyscore(f"queue-{uuid4()}", min=float("-inf"), max=float("inf")) == []


async def test_a_nameless_worker_that_ends_leaves_the_key_to_the_others_of_its_host(redis: ArqRedis) -> None:
    await redis.set(health_key(None), b"alive", px=HEALTH_KEY_LIFETIME)

    await leave(redis, None)

    # Longer than a renewal takes.
    assert HEALTH_INTERVAL * 1000 < await redis.pttl(health_key(None)) <= (HEALTH_INTERVAL + 1) * 1000
