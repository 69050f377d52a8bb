"""Processes whose Redis does no work, from their start to their end."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from service.local.stack import Stack
from tests.acceptance.http.test_health_check import checked, until
from tests.conftest import create_database
from tests.support.processes import BIN, Process, free_port, start_api, until_said
from tests.support.servers.own_valkey import OwnValkey, running_valkey


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[OwnValkey]:
    (tmp_path / "valkey").mkdir()
    async with running_valkey(tmp_path / "valkey") as running:
        yield running


@pytest.fixture
async def own_environment(environment: Mapping[str, str], stack: Stack, valkey: OwnValkey) -> dict[str, str]:
    """That of processes which share nothing with those of other tests."""
    own = {"DATABASE_URL": await create_database(stack), "REDIS_URL": valkey.url, "PORT": str(free_port())}
    return {**environment, **own}


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
