"""Whatever error Redis answers to a command, requests are accepted, workers wait, and its reason is told."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import structlog
from limits import parse
from redis.exceptions import RedisError

from service.domain.deliveries import DeliveryMessage
from service.health.readiness import in_words
from service.http.rate_limits import RateLimiter
from service.local.stack import Stack
from service.queue.redis_faults import describe
from service.queue.task_queue import RetryUntilShutdown, TaskQueue, redis_pool
from tests.integration.queue.conftest import Told
from tests.support.servers.refusing_redis import RefusingRedis, refusing_redis

OF_A_CLUSTER = "it is a cluster, which the service does not support"
OTHER = "it answers with an error"
#: What a server answers, and what is told of it.
REPLIES = {
    "MISCONF Redis is configured to save RDB snapshots, but it cannot": "it cannot write to its disk (MISCONF)",
    "LOADING Redis is loading the dataset in memory": "it loads its data (LOADING)",
    "CLUSTERDOWN Hash slot not served": "its cluster is down (CLUSTERDOWN)",
    "MASTERDOWN Link with MASTER is down": "its primary is away (MASTERDOWN)",
    "TRYAGAIN Multiple keys request during rehashing of slot": "its cluster moves keys (TRYAGAIN)",
    "MOVED 3999 10.0.0.7:6381": f"{OF_A_CLUSTER} (MOVED)",
    "ASK 3999 10.0.0.7:6381": f"{OF_A_CLUSTER} (ASK)",
    "CROSSSLOT Keys in request don't hash to the same slot": f"{OF_A_CLUSTER} (CROSSSLOT)",
    "NOAUTH Authentication required.": "the user or the password is wrong",
    "WRONGPASS invalid username-password pair": "the user or the password is wrong",
    "OOM command not allowed when used memory > 'maxmemory'.": "its memory is full (OOM)",
    "READONLY You can't write against a read only replica.": "it is a replica and takes no writes (READONLY)",
    "NOPERM User w has no permissions": "its user may not do what the service needs (NOPERM)",
    "NOREPLICAS Not enough good replicas to write.": "it lacks replicas (NOREPLICAS)",
    "BUSY Redis is busy running a script.": "it runs a script (BUSY)",
    "ERR max number of clients reached": "it takes no more clients",
    "ERR max requests limit exceeded. Limit: 5": f"{OTHER} (max requests limit exceeded. Limit: 5)",
    "ERR unknown command `SET`, with args beginning with: `secret`": f"{OTHER} (unknown command)",
    "ERR Error running script: @user_script:1: secret": f"{OTHER} (Error running script)",
    "WRONGTYPE Operation against a key": f"{OTHER} (WRONGTYPE Operation against a key)",
    "NOQUORUM": f"{OTHER} (NOQUORUM)",
}


@pytest.fixture
async def wire(stack: Stack) -> AsyncIterator[tuple[RefusingRedis, str]]:
    async with refusing_redis(stack.endpoints.redis_url) as running:
        yield running


@pytest.mark.parametrize(("error", "reason"), REPLIES.items(), ids=[each[:24] for each in REPLIES])
async def test_an_api_goes_on_without_it_and_says_why(wire: tuple[RefusingRedis, str], error: str, reason: str) -> None:
    redis, url = wire
    pool, limiter = redis_pool(url), RateLimiter(url)
    redis.error = error

    with structlog.testing.capture_logs() as lines:
        assert not await TaskQueue(pool).enqueue_job(uuid4())
        assert not await TaskQueue(pool).enqueue_delivery(DeliveryMessage(uuid4()))
        assert (await limiter.take(parse("5/minute"), str(uuid4()))).remaining == 4
    with pytest.raises((RedisError, OSError)) as caught:
        await TaskQueue(pool).ping()

    assert describe(caught.value) == in_words(caught.value) == reason
    assert [each["event"] for each in lines] == ["bell_not_rung"] * 2 + ["rate_limits_counted_locally"]
    assert {each["reason"] for each in lines} == {reason}
    assert redis.refused
    await limiter.aclose()
    await pool.aclose(close_connection_pool=True)


@pytest.mark.parametrize(("error", "reason"), REPLIES.items(), ids=[each[:24] for each in REPLIES])
async def test_a_worker_waits_for_it_and_says_why(
    wire: tuple[RefusingRedis, str], told: Told, error: str, reason: str
) -> None:
    redis, url = wire
    pool = redis_pool(url, retry=RetryUntilShutdown())
    queue, key = f"queue-{uuid4()}", f"key-{uuid4()}"
    redis.error = error
    under_way = [
        asyncio.ensure_future(pool.set(key, 1)),
        asyncio.ensure_future(pool.zrangebyscore(queue, min=0, max=1)),
        asyncio.ensure_future(pool.enqueue_job("work", _queue_name=queue)),
    ]
    await told.until(reason)
    redis.error = None

    async with asyncio.timeout(30):
        results = await asyncio.gather(*under_way, return_exceptions=True)

    assert [each for each in results if isinstance(each, Exception)] == []
    assert {each["reason"] for each in told} == {reason}
    await pool.delete(key, queue)
    await pool.aclose(close_connection_pool=True)
