"""A Redis that answers and does no work is one that is away: a worker waits, says why, and goes on."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import RedisError

from service.queue.redis_faults import describe
from service.queue.redis_outage import tell_if_away
from service.queue.task_queue import RetryUntilShutdown, TaskQueue, redis_pool
from tests.integration.queue.conftest import Told
from tests.support.processes import free_port
from tests.support.servers.own_valkey import OwnValkey, running_valkey

#: What spoils it, what mends it, and what is told.
SPOILT = {
    "a replica": (["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"], "READONLY"),
    "no memory": (["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"], "OOM"),
    "no replicas": (
        ["CONFIG", "SET", "min-replicas-to-write", "1"],
        ["CONFIG", "SET", "min-replicas-to-write", "0"],
        "NOREPLICAS",
    ),
    "a command that is forbidden": (
        ["ACL", "SETUSER", "worker", "-set"],
        ["ACL", "SETUSER", "worker", "+set"],
        "NOPERM",
    ),
    "another password": (
        ["ACL", "SETUSER", "worker", "resetpass", ">other"],
        ["ACL", "SETUSER", "worker", ">p@ss/w%rd"],
        "password is wrong",
    ),
    "a user who is locked": (
        ["ACL", "SETUSER", "worker", "off"],
        ["ACL", "SETUSER", "worker", "on"],
        "password is wrong",
    ),
}


@pytest.fixture(scope="module")
async def valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnValkey]:
    async with running_valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.mark.parametrize(("spoil", "mend", "word"), SPOILT.values(), ids=SPOILT.keys())
async def test_a_worker_waits_and_says_why_and_goes_on(
    valkey: OwnValkey, told: Told, spoil: list[str], mend: list[str], word: str
) -> None:
    redis = redis_pool(valkey.url, retry=RetryUntilShutdown())
    await redis.set("before", "1")
    await valkey.run(*spoil)

    writing = asyncio.ensure_future(redis.set("meanwhile", word))
    await told.until(word)
    assert not writing.done()
    await valkey.run(*mend)

    async with asyncio.timeout(30):
        assert await writing
    assert await redis.get("meanwhile") == word.encode()
    assert [each["event"] for each in told] == ["redis_away"]
    await redis.aclose(close_connection_pool=True)


@pytest.mark.parametrize(("spoil", "mend", "word"), SPOILT.values(), ids=SPOILT.keys())
async def test_a_process_that_does_not_wait_gets_an_error_that_says_why(
    valkey: OwnValkey, told: Told, spoil: list[str], mend: list[str], word: str
) -> None:
    redis = redis_pool(valkey.url)
    await valkey.run(*spoil)

    with pytest.raises((RedisError, OSError)) as caught:
        await TaskQueue(redis).ping()
    await tell_if_away(TaskQueue(redis).ping())

    assert word in describe(caught.value)
    assert [word in each["reason"] for each in told] == [True]
    await valkey.run(*mend)
    await TaskQueue(redis).ping()
    await redis.aclose(close_connection_pool=True)


async def test_a_transaction_that_is_refused_is_one_that_another_worker_has_taken(valkey: OwnValkey) -> None:
    redis = redis_pool(valkey.url, retry=RetryUntilShutdown())
    await valkey.run("CONFIG", "SET", "maxmemory", "1")

    # Its worker goes on with the next message. It would die of any other error.
    assert await redis.enqueue_job("work", _queue_name="refused") is None

    await valkey.run("CONFIG", "SET", "maxmemory", "0")
    assert await redis.enqueue_job("work", _queue_name="refused") is not None
    await redis.aclose(close_connection_pool=True)


async def test_a_worker_that_ends_waits_no_longer(valkey: OwnValkey, told: Told) -> None:
    retry = RetryUntilShutdown()
    redis = redis_pool(valkey.url, retry=retry)
    await valkey.run("CONFIG", "SET", "maxmemory", "1")
    writing = asyncio.ensure_future(redis.set("key", "value"))
    await told.until("OOM")

    retry.end()

    with pytest.raises(RedisError, match="this process ends"):
        await writing
    await valkey.run("CONFIG", "SET", "maxmemory", "0")
    await redis.aclose(close_connection_pool=True)


async def test_a_server_that_is_not_there_is_told_once(told: Told) -> None:
    retry = RetryUntilShutdown()
    hosts = ["127.0.0.1", "no.such.host.invalid", "a..b"]
    clients = [redis_pool(f"redis://{host}:{free_port()}/0", retry=retry) for host in hosts]
    pinging = [asyncio.ensure_future(each.ping()) for each in clients for _ in range(3)]

    for kind in ("ConnectionRefusedError", "gaierror", "UnicodeError"):
        await told.until(f"it cannot be reached ({kind})")
    retry.end()
    results = await asyncio.gather(*pinging, return_exceptions=True)

    assert all(isinstance(each, RedisError) for each in results)
    assert len(told) == len(hosts)
    for each in clients:
        await each.aclose(close_connection_pool=True)
