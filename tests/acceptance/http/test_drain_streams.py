"""Event streams and archives that were begun before a process was told to stop."""

import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.local.simulator import DocumentSpec
from tests.support.http.api import Api
from tests.support.http.event_streams import following
from tests.support.portal import Portal
from tests.support.processes import Process, free_port, start_api, until_said

LARGE = 8 * 1024 * 1024  # bytes; more than the sockets of both ends hold


@dataclass
class Second:
    """A second API process of the service, which is told to stop."""

    process: Process
    api: Api

    async def drain(self) -> None:
        """Tell it to stop. It has a minute left."""
        self.process.send(signal.SIGTERM)
        await until_said(self.process, "draining")

    async def end(self) -> None:
        """Let it end now, in order."""
        self.process.send(signal.SIGTERM)
        assert await self.process.ended() == -signal.SIGTERM


@pytest.fixture
async def second(environment: dict[str, str], api: Api, tmp_path: Path) -> AsyncIterator[Second]:
    port = str(free_port())
    process = await start_api({**environment, "PORT": port, "DRAIN_SECONDS": "60"}, tmp_path / "api.log")
    yield Second(process, Api(api.session, f"http://127.0.0.1:{port}", api.api_key))
    if process.is_running():
        process.send(signal.SIGKILL)
    await process.ended()


async def test_an_archive_is_sent_to_its_end(second: Second, api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(count=3, size=LARGE))
    await api.process(number)
    await api.ended(number)
    url = f"{second.api.base_url}/api/v1/processes/{number}/archive"

    async with api.session.get(url, headers={"Authorization": f"Bearer {api.api_key}"}) as archive:
        first = await archive.content.readexactly(1)
        await second.drain()
        rest = await archive.content.read()

    assert len(first + rest) == archive.content_length
    assert len(rest) > 3 * LARGE
    await second.end()


async def test_an_event_stream_goes_on_and_ends_with_the_process(
    second: Second, api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(), DocumentSpec(origin_id="held"))
    await portal.hold(number, "held")
    await api.process(number)

    async with following(second.api, number) as stream:
        await stream.until("snapshot")
        await second.drain()
        await second.end()
        # The body ends as HTTP says: what is cut off in the middle raises an error here.
        assert "completed" not in {each.name for each in await stream.rest()}

    await portal.let_go(number, "held")
    assert (await api.ended(number))["status"] == "completed"
