"""`python -m tests.benchmarks.tools.loops sequential|concurrent`: copies documents into a bucket, without checks.

`sequential` is how such a service is often written at first: one after the other, the whole file in memory, a new
client for each. `concurrent` is what aiohttp and aioboto3 can do at best: one client, five in flight, uvloop.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aioboto3
import aiohttp
import msgspec
import uvloop
from aiobotocore.config import AioConfig

from tests.benchmarks.tools.clients import LoopTask, Taken
from tests.benchmarks.tools.resources import resident

IN_FLIGHT = 5


def _session(task: LoopTask) -> Any:
    return aioboto3.Session(task.access_key_id, task.secret_access_key, region_name="us-east-1")


def _client(boto: Any, task: LoopTask) -> Any:
    config = AioConfig(
        s3={"addressing_style": "path", "payload_signing_enabled": False},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto.client("s3", endpoint_url=task.endpoint_url, config=config)


async def _copy(session: aiohttp.ClientSession, client: Any, task: LoopTask, url: str) -> None:
    headers = {"Authorization": f"Bearer {task.token}"} if task.token else {}
    async with session.get(url, headers=headers) as response:
        response.raise_for_status()
        content = await response.read()
    key = f"loops/{url.rpartition('/')[2]}"
    await client.put_object(Bucket=task.bucket, Key=key, Body=content, ContentType="application/pdf")


async def sequential(task: LoopTask) -> None:
    """Copy with new clients for each document."""
    boto = _session(task)
    for url in task.urls:
        async with aiohttp.ClientSession() as session, _client(boto, task) as client:
            await _copy(session, client, task, url)


async def concurrent(task: LoopTask) -> None:
    """Copy with one client of each kind for all documents."""
    urls = iter(task.urls)

    async def work(session: aiohttp.ClientSession, client: Any) -> None:
        for url in urls:
            await _copy(session, client, task, url)

    async with (
        aiohttp.ClientSession() as session,
        _client(_session(task), task) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(IN_FLIGHT):
            group.create_task(work(session, client))


LOOPS: Mapping[str, Callable[[LoopTask], Awaitable[None]]] = {"sequential": sequential, "concurrent": concurrent}


async def _measure(loop: Callable[[LoopTask], Awaitable[None]], task: LoopTask) -> Taken:
    wall, cpu = time.monotonic(), time.process_time()
    await loop(task)
    return Taken(time.monotonic() - wall, time.process_time() - cpu, resident(os.getpid(), "VmHWM"))


def main() -> None:
    """Read a `LoopTask`, and write a `Taken`."""
    kind, task = sys.argv[1], msgspec.json.decode(sys.stdin.buffer.read(), type=LoopTask)
    run = uvloop.run if kind == "concurrent" else asyncio.run
    sys.stdout.buffer.write(msgspec.json.encode(run(_measure(LOOPS[kind], task))))


if __name__ == "__main__":
    main()
