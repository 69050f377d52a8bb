"""Doors into arq and redis-py."""

import inspect
from collections.abc import AsyncIterator
from typing import Any

import arq.cli
import pytest
from arq.constants import in_progress_key_prefix
from arq.worker import Worker, func
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry

from service.queue.persistent_redis import REDIS_FAULTS, PersistentRetry
from service.queue.task_queue import RetryUntilShutdown, redis_pool

URL = "redis://127.0.0.1:1/0"


async def nothing(ctx: dict[Any, Any]) -> None:
    """A task of arq."""


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    pool = redis_pool(URL, retry=RetryUntilShutdown())
    yield Worker([func(nothing, name="nothing")], redis_pool=pool, handle_signals=False)
    await pool.aclose(close_connection_pool=True)


async def test_the_main_task_of_arq_is_a_method_of_its_worker(worker: Worker) -> None:
    main = worker.main()

    assert inspect.getcoroutinelocals(main)["self"] is worker
    assert "await self.on_startup(self.ctx)" in inspect.getsource(Worker.main)
    main.close()


async def test_a_worker_of_arq_takes_no_messages_when_it_may_not(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls = 0

    async def poll(*_: object, **__: object) -> list[bytes]:
        nonlocal polls
        polls += 1
        return []

    async def heart_beat() -> None:
        """Without Redis."""

    monkeypatch.setattr(worker.pool, "zrangebyscore", poll)
    monkeypatch.setattr(worker, "heart_beat", heart_beat)
    iterate: Any = worker._poll_iteration

    await iterate()
    worker.allow_pick_jobs = False
    await iterate()

    assert polls == 1


async def test_a_worker_of_arq_knows_its_tasks_until_they_have_ended(worker: Worker) -> None:
    source = inspect.getsource(Worker.start_jobs)

    assert worker.tasks == {}
    assert worker.main_task is None
    assert "self.loop.create_task(self.run_job(" in source
    assert "self.tasks[job_id] = t" in source
    assert "self.main_task = " in inspect.getsource(Worker.async_run)


def test_arq_marks_what_it_runs_and_leaves_its_health_key_in_the_ways_that_are_overridden() -> None:
    assert in_progress_key_prefix == "arq:in-progress:"
    assert "in_progress_key_prefix + job_id" in inspect.getsource(Worker.start_jobs)
    assert "self.pool.zrangebyscore(" in inspect.getsource(Worker)
    assert "self.pool.delete(self.health_check_key)" in inspect.getsource(Worker.close)


def test_arqs_command_reads_the_settings_after_its_parameter_check() -> None:
    assert "check" in {parameter.name for parameter in arq.cli.cli.params}
    source = inspect.getsource(arq.cli.cli.callback or arq.cli)
    assert 0 < source.index("import_string(worker_settings)") < source.index("if check")


async def test_all_connections_of_a_pool_wait_with_one_patience() -> None:
    retry = RetryUntilShutdown()
    pool: Any = redis_pool(URL, retry=retry).connection_pool

    connections = [pool.make_connection() for _ in range(2)]

    assert type(connections[0]).__name__ == "PersistentConnection"
    assert all(isinstance(each.retry, PersistentRetry) for each in connections)
    assert {id(each.retry.backoff) for each in connections} == {id(retry)}


def test_redis_retries_what_is_retried_here() -> None:
    """Not more: these are the faults of `retry_on_error`, and redis-py's own two."""
    retry: Any = Retry(RetryUntilShutdown(), 1)

    assert all(issubclass(each, REDIS_FAULTS) for each in retry._supported_errors)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (AbstractConnection, ["connect", "disconnect", "read_response"]),
        (Pipeline, ["watch", "immediate_execute_command", "execute", "reset"]),
        (Redis, ["zrangebyscore", "delete", "pipeline", "mget"]),
        (Retry, ["call_with_retry"]),
    ],
)
def test_redis_has_the_methods_that_are_overridden(kind: type, names: list[str]) -> None:
    assert [name for name in names if not callable(getattr(kind, name, None))] == []


async def test_a_pipeline_of_redis_says_what_it_watches_and_over_which_connection() -> None:
    pipeline = redis_pool(URL, retry=RetryUntilShutdown()).pipeline()

    assert pipeline.watching is False
    assert pipeline.connection is None
    assert "call_with_retry" in inspect.getsource(AbstractConnection.connect)
    assert "return self.immediate_execute_command(" in inspect.getsource(Pipeline)
