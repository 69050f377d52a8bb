"""Processes whose Redis does no work, from their start to their end."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import aiohttp
import pytest

from service.local.simulator import DocumentSpec
from service.local.stack import Stack
from tests.acceptance.http.test_health_check import checked, until
from tests.conftest import create_database
from tests.support.commands import run_autos
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.processes import BIN, Process, free_port, start_api, until_said
from tests.support.servers.own_valkey import OwnValkey, running_valkey
from tests.support.servers.refusing_redis import RefusingRedis, refusing_redis
from tests.support.service import Service, running_service


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[OwnValkey]:
    (tmp_path / "valkey").mkdir()
    async with running_valkey(tmp_path / "valkey") as running:
        yield running


@pytest.fixture
async def own_environment(environment: Mapping[str, str], stack: Stack, valkey: OwnValkey) -> dict[str, str]:
    """The environment of processes that share nothing with other tests."""
    own = {"DATABASE_URL": await create_database(stack), "REDIS_URL": valkey.url, "PORT": str(free_port())}
    return {**environment, **own}


@pytest.mark.long
async def test_a_worker_waits_for_a_redis_that_refuses_work_and_says_why(
    own_environment: dict[str, str], valkey: OwnValkey, tmp_path: Path
) -> None:
    await valkey.run("ACL", "SETUSER", "worker", "off")
    worker = Process([str(BIN / "arq"), "worker.main.WorkerSettings"], own_environment, tmp_path / "worker.log")
    await until_said(worker, "the user or the password is wrong")
    assert await checked(own_environment) == (1, "autos: REDIS_URL: the user or the password is wrong")

    await valkey.run("REPLICAOF", "127.0.0.1", "1")
    await valkey.run("ACL", "SETUSER", "worker", "on")
    await until_said(worker, "it is a replica and takes no writes (READONLY)")
    await until_said(worker, "worker_started")
    await valkey.run("REPLICAOF", "NO", "ONE")
    await until(own_environment, 0)

    await valkey.run("CONFIG", "SET", "maxmemory", "1")
    await until_said(worker, "its memory is full (OOM)")
    assert await checked(own_environment) == (1, "autos: REDIS_URL: its memory is full (OOM)")
    assert await worker.stop() == 0
    assert "Traceback" not in worker.said
    told = [json.loads(line)["reason"] for line in worker.said.splitlines() if '"redis_away"' in line]
    assert [each.split()[-1] for each in told] == ["wrong", "(READONLY)", "(OOM)"]


async def test_an_api_says_at_its_start_that_its_redis_does_no_work(
    own_environment: dict[str, str], valkey: OwnValkey, tmp_path: Path
) -> None:
    await valkey.run("REPLICAOF", "127.0.0.1", "1")

    api = await start_api(own_environment, tmp_path / "api.log")

    assert api.has_said("it is a replica and takes no writes (READONLY)")
    await api.stop()


ERRORS = {
    "MISCONF Redis is configured to save RDB snapshots, but it cannot": "it cannot write to its disk (MISCONF)",
    "CLUSTERDOWN Hash slot not served": "its cluster is down (CLUSTERDOWN)",
    "NOAUTH Authentication required.": "the user or the password is wrong",
    "ERR max requests limit exceeded. Limit: 5": "it answers with an error (max requests limit exceeded. Limit: 5)",
}


@pytest.fixture
async def redis(valkey: OwnValkey) -> AsyncIterator[tuple[RefusingRedis, str]]:
    """A server that answers every command with an error, and its URL."""
    async with refusing_redis(valkey.url) as refusing:
        yield refusing


@pytest.fixture
async def service(
    session: aiohttp.ClientSession,
    own_environment: dict[str, str],
    redis: tuple[RefusingRedis, str],
    tmp_path: Path,
) -> AsyncIterator[Service]:
    """An API and a worker with that Redis."""
    async with running_service(session, own_environment | {"REDIS_URL": redis[1]}, tmp_path) as running:
        await running.add_worker()
        yield running


async def test_whatever_redis_answers_requests_are_accepted_and_downloads_go_on(
    service: Service, redis: tuple[RefusingRedis, str], portal: Portal, supply: Iterator[str]
) -> None:
    (worker,) = service.workers
    for error, reason in ERRORS.items():
        redis[0].error, number = error, next(supply)
        await portal.put_documents(number, DocumentSpec())

        accepted = await service.api.get(f"/api/v1/processes/{number}")
        ready = await service.api.get("/health/ready")
        await until_completed(service.api, number)
        await until_said(worker, reason)

        assert accepted.status == 200
        assert (ready.status, ready.json["redis"]) == (200, reason)
    status = await run_autos(service.environment, "status", "--json")

    assert json.loads(status.stdout)["checks"]["redis"] == {"ok": False, "detail": f"REDIS_URL: {reason}"}
    assert (status.returncode, status.stderr) == (1, "")
    assert not any(process.has_said("Traceback") for process in (worker, *service.apis))


async def until_completed(api: Api, number: str) -> None:
    """Wait until it is completed: without a message, by the worker's own polls."""
    async with asyncio.timeout(60):
        while (await api.get(f"/api/v1/processes/{number}/status")).json["status"] != "completed":  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.1)
