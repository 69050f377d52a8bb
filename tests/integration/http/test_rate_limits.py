"""The counters of the rate limits: shared through Redis, and local while Redis is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from service.http import rate_limits
from service.http.problems import Problem
from service.http.rate_limits import RateLimiter
from service.local.stack import Stack
from service.queue.task_queue import redis_pool
from tests.support.loop_clock import LoopClock, running_loop_clock
from tests.support.servers.tcp_proxy import running_tcp_proxy

FIVE = parse("5/hour")


@asynccontextmanager
async def opened(url: str, *, pause: float = 3600) -> AsyncIterator[RateLimiter]:
    limiter = RateLimiter(url, pause=pause)
    yield limiter
    await limiter.aclose()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow Redis is not taken for one that does not respond."""
    monkeypatch.setattr(rate_limits, "REDIS_TIMEOUT", 60.0)


@pytest.fixture
async def limiter(patient: None, stack: Stack) -> AsyncIterator[RateLimiter]:
    async with opened(stack.endpoints.redis_url) as limiter:
        yield limiter


class SilentRedis:
    """Accepts and counts connections, and sends nothing."""

    def __init__(self) -> None:
        self.asked = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """asyncio's handler for every connection."""
        self.asked += 1
        await reader.read()
        writer.close()
        await writer.wait_closed()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Its address."""
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0)
        async with server:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"


async def taken(limiter: RateLimiter, client: str, *, times: int, item: RateLimitItem = FIVE) -> list[bool]:
    return [(await limiter.take(item, client)).allowed for _ in range(times)]


async def test_two_processes_share_one_budget(limiter: RateLimiter, stack: Stack) -> None:
    client = str(uuid4())
    async with opened(stack.endpoints.redis_url) as another:
        budgets = [await (limiter, another)[turn % 2].take(FIVE, client) for turn in range(7)]

    assert [each.allowed for each in budgets] == [True] * 5 + [False] * 2
    assert [each.remaining for each in budgets] == [4, 3, 2, 1, 0, 0, 0]
    assert {each.limit for each in budgets} == {5}
    assert all(3000 < each.reset <= 3600 for each in budgets)


async def test_a_budget_of_one_is_there_again_after_the_whole_time(limiter: RateLimiter) -> None:
    once, client = parse("1/hour"), str(uuid4())

    first, second = await limiter.take(once, client), await limiter.take(once, client)

    assert (first.allowed, second.allowed) == (True, False)
    assert first.reset > 3000
    assert second.reset > 3000


async def test_clients_and_budgets_are_apart(limiter: RateLimiter) -> None:
    one, another = str(uuid4()), str(uuid4())
    assert await taken(limiter, one, times=6) == [True] * 5 + [False]

    assert (await limiter.take(FIVE, another)).remaining == 4
    assert (await limiter.take(FIVE, "downloads", one)).remaining == 4


async def test_a_request_costs_redis_two_counters_and_two_questions(limiter: RateLimiter, stack: Stack) -> None:
    client, item = str(uuid4()), parse("1000/hour")
    redis = redis_pool(stack.endpoints.redis_url)
    before = await redis.info("commandstats")

    await taken(limiter, client, times=200, item=item)

    after = await redis.info("commandstats")
    asked = after["cmdstat_evalsha"]["calls"] - before.get("cmdstat_evalsha", {}).get("calls", 0)
    keys = await redis.keys(f"*{client}*")
    kinds = [await redis.type(key) for key in keys]
    await redis.aclose(close_connection_pool=True)
    # The first call of each script may be refused and is then sent in full; the first of a window needs two.
    assert 2 * 200 <= asked <= 2 * 200 + 3
    assert 1 <= len(keys) <= 2
    assert set(kinds) == {b"string"}


@pytest.mark.parametrize("is_shared", [True, False])
async def test_after_the_time_that_a_refusal_names_one_request_is_possible(is_shared: bool, stack: Stack) -> None:
    client, item = str(uuid4()), parse("3 per 2 second")
    async with (
        SilentRedis().running() as silent,
        opened(stack.endpoints.redis_url if is_shared else silent) as limiter,
    ):
        budget = await limiter.take(item, client)
        while budget.allowed:
            budget = await limiter.take(item, client)
        with pytest.raises(Problem) as refusal:
            budget.check()
        assert (refusal.value.code, refusal.value.headers["RateLimit-Remaining"]) == ("rate_limited", "0")

        await asyncio.sleep(int(refusal.value.headers["Retry-After"]))

        assert (await limiter.take(item, client)).allowed


async def test_a_redis_that_is_silent_is_asked_once_and_the_limit_stays() -> None:
    redis = SilentRedis()
    async with redis.running() as url, opened(url) as limiter:
        allowed = await taken(limiter, "client", times=30)

    assert allowed == [True] * 5 + [False] * 25
    assert redis.asked == 1


async def test_many_at_once_stay_within_the_limit_and_do_not_wait_in_a_row_for_a_silent_redis() -> None:
    redis = SilentRedis()
    async with redis.running() as url, opened(url) as limiter:
        budgets = await asyncio.gather(*(limiter.take(FIVE, "client") for _ in range(40)))

    assert sum(each.allowed for each in budgets) == 5
    assert redis.asked < 10


async def test_one_request_finds_out_whether_redis_is_back_while_others_go_on() -> None:
    redis = SilentRedis()
    async with redis.running() as url, opened(url, pause=0.0) as limiter:
        await limiter.take(FIVE, "client")
        limiter.pause = 60.0

        await asyncio.gather(*(limiter.take(FIVE, "client") for _ in range(20)))

    assert redis.asked == 2


async def test_a_redis_that_is_back_counts_for_all_again(patient: None, stack: Stack) -> None:
    client = str(uuid4())
    async with running_tcp_proxy(stack.endpoints.redis_url) as (proxy, url), opened(url, pause=0.0) as limiter:
        assert (await limiter.take(FIVE, client)).remaining == 4
        proxy.take_away()
        assert (await limiter.take(FIVE, client)).remaining == 4
        assert (await limiter.take(FIVE, client)).remaining == 3
        proxy.bring_back()

        assert (await limiter.take(FIVE, client)).remaining == 3


class BusyRedis(SlidingWindowCounterRateLimiter):
    """A Redis that serves one client after the other, each after a delay."""

    def __init__(self, clock: LoopClock) -> None:
        super().__init__(MemoryStorage())
        self._clock, self._turn = clock, asyncio.Lock()

    async def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        async with self._turn:
            self._clock.put_forward(rate_limits.REDIS_TIMEOUT / 2 / rate_limits.REDIS_CONCURRENCY)
            await asyncio.sleep(0)
            return await super().hit(item, *identifiers, cost=cost)


async def test_a_crowd_is_not_taken_for_a_redis_that_is_silent(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_loop_clock() as clock:
        async with opened(stack.endpoints.redis_url) as limiter:
            monkeypatch.setattr(limiter, "_shared", BusyRedis(clock))
            budgets = await asyncio.gather(*(limiter.take(parse("1000/hour"), "client") for _ in range(200)))

    assert min(each.remaining for each in budgets) == 800
