"""API processes are restarted one after the other, behind a proxy that never repeats a request."""

import asyncio
import itertools
import signal
from pathlib import Path

import pytest

from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.processes import Process, free_port, start_api
from tests.support.servers.upstreams import Upstreams

POSTS = 20_000
CLIENTS = 16
PAUSE = 0.04  # seconds between two requests of a client

pytestmark = pytest.mark.faults


class Restarted:
    """Two API processes."""

    def __init__(self, environment: dict[str, str], logs: Path) -> None:
        self.ports = [free_port(), free_port()]
        self.restarts = 0
        self._environment, self._logs = environment, logs
        self._running: dict[int, Process] = {}

    async def start(self, port: int) -> None:
        environment = {**self._environment, "PORT": str(port), "DRAIN_SECONDS": "2"}
        self._running[port] = await start_api(environment, self._logs / f"api-{port}.log")

    async def restart_until(self, ended: asyncio.Event) -> None:
        """Restart one after the other. A restart that has begun is not cut off: its process would be left behind."""
        for port in itertools.cycle(self.ports):
            if ended.is_set():
                return
            assert await self._running[port].stop() == -signal.SIGTERM
            await self.start(port)
            self.restarts += 1

    async def stop(self) -> None:
        for each in self._running.values():
            if each.is_running():
                await each.stop()


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_no_post_is_lost_in_a_restart(stack: Stack, tmp_path: Path) -> None:
    environment = stack.endpoints.environment(bucket="restarts") | {"DATABASE_URL": await create_database(stack)}
    service = Restarted(environment, tmp_path)
    await asyncio.gather(*map(service.start, service.ports))
    upstreams = Upstreams(service.ports)
    statuses: list[int | None] = []

    async def post() -> None:
        body = b'{"process_numbers": []}'
        head = f"POST /api/v1/processes/search HTTP/1.1\r\nHost: api\r\nContent-Length: {len(body)}\r\n\r\n"
        while len(statuses) < POSTS:
            answer = await upstreams.ask(head.encode() + body)
            statuses.append(None if answer is None else answer.status)
            await asyncio.sleep(PAUSE)

    ended = asyncio.Event()
    restarting = asyncio.ensure_future(service.restart_until(ended))
    try:
        await asyncio.gather(*(post() for _ in range(CLIENTS)))
    finally:
        ended.set()
        await asyncio.wait([restarting])
        await upstreams.close()
        await service.stop()

    restarting.result()
    # The requests have no key: a 401 is a response of the API.
    assert set(statuses) == {401}
    assert service.restarts > 2
    assert upstreams.opened > CLIENTS
