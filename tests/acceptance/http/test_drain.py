"""A process that is told to stop reports it for a while, and still serves requests."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.support.http.raw_http import RawConnection, connect
from tests.support.processes import Process, free_port, start_api, until_said

LIVE = b"GET /health/live HTTP/1.1\r\nHost: api\r\n\r\n"
READY = b"GET /health/ready HTTP/1.1\r\nHost: api\r\n\r\n"


@dataclass
class Stopping:
    """A process, and a connection that got a response."""

    process: Process
    port: int
    kept: RawConnection


@pytest.fixture
async def stopping(environment: dict[str, str], api_process: Process, tmp_path: Path) -> AsyncIterator[Stopping]:
    """A process that got SIGTERM and has a minute left."""
    port = free_port()
    process = await start_api({**environment, "PORT": str(port), "DRAIN_SECONDS": "60"}, tmp_path / "api.log")
    kept = await connect(port)
    await kept.send(LIVE)
    answer = await kept.answer()
    assert answer is not None
    assert "connection" not in answer.headers
    process.send(signal.SIGTERM)
    await until_said(process, "draining")
    yield Stopping(process, port, kept)
    await kept.close()
    if process.is_running():
        process.send(signal.SIGKILL)
    await process.ended()


async def test_it_answers_new_and_old_connections_and_says_that_they_end(stopping: Stopping) -> None:
    fresh = await connect(stopping.port)
    await fresh.send(READY)
    ready = await fresh.answer()
    await stopping.kept.send(LIVE)
    live = await stopping.kept.answer()

    assert ready is not None
    assert live is not None
    assert (ready.status, b'"status":"stopping"' in ready.body, ready.headers["connection"]) == (503, True, "close")
    assert (live.status, live.headers["connection"]) == (200, "close")
    assert (await fresh.ended(), await stopping.kept.ended()) == (b"", b"")
    assert stopping.process.is_running()
    # A second signal ends the process at once. An idle connection does not delay it.
    unused = await connect(stopping.port)
    stopping.process.send(signal.SIGTERM)
    assert await stopping.process.ended() == -signal.SIGTERM
    assert await unused.ended() == b""
    await asyncio.gather(fresh.close(), unused.close())


async def test_it_ends_by_itself_and_nobody_gets_in_meanwhile(
    environment: dict[str, str], api_process: Process, tmp_path: Path
) -> None:
    port = free_port()
    process = await start_api({**environment, "PORT": str(port), "DRAIN_SECONDS": "1"}, tmp_path / "api.log")

    assert await process.stop() == -signal.SIGTERM

    with pytest.raises(aiohttp.ClientConnectionError):
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/health/live"):
            pass
