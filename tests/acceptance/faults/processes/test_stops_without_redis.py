"""A worker that is stopped while Redis is away hands over its work and ends without a traceback."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from service.local.simulator import DocumentSpec
from tests.acceptance.faults.conftest import Numbers, Wires
from tests.support.database.workload import Place
from tests.support.processes import Process

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


@pytest.fixture
async def silent_url() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """The URL of a subscriber that never responds, and whether a webhook has arrived."""
    came, over = asyncio.Event(), asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", came
    over.set()
    server.close()


async def assert_ends_in_order(worker: Process) -> None:
    assert await worker.stop() == 0, worker.said
    assert "Traceback" not in worker.said
    assert "Task exception was never retrieved" not in worker.said
    assert worker.said.count("worker_stopped") == 1


async def test_an_idle_worker(place: Place, wires: Wires) -> None:
    worker = await place.service.add_worker()
    wires.valkey.take_away()

    await assert_ends_in_order(worker)

    wires.valkey.bring_back()


async def test_a_worker_with_a_delivery_and_a_download(
    place: Place, wires: Wires, numbers: Numbers, silent_url: tuple[str, asyncio.Event]
) -> None:
    delivered, downloading = numbers.take(2)
    await place.put_cases([delivered], DocumentSpec(count=1, size=2000))
    await place.put_cases([downloading], DocumentSpec(count=5, size=2000))
    worker = await place.service.add_worker()
    url, came = silent_url
    await place.service.api.process(delivered, webhook_url=url)
    async with asyncio.timeout(60):
        await came.wait()
    wires.s3.go_silent()
    await place.request([downloading])
    await place.service.until("SELECT FROM jobs WHERE status = 'processing'")
    wires.valkey.take_away()

    await assert_ends_in_order(worker)

    assert "job_handed_over" in worker.said
    for wire in (wires.valkey, wires.s3):
        wire.bring_back()
    await place.service.add_worker()
    await place.ended([downloading])
