"""The response that streams an archive, on a simulated server: what it sends, and when it stops."""

import asyncio
import os
from collections.abc import AsyncGenerator

import pytest
import uvloop
from starlette.types import Message, Scope

from service.api.archive import ArchiveResponse

SCOPE: Scope = {"type": "http", "method": "GET", "asgi": {"spec_version": "2.3"}, "headers": []}


class Client:
    """Takes some messages, then no more, or disconnects."""

    def __init__(self, takes: int, *, leaves: bool = False) -> None:
        self.received: list[Message] = []
        self._takes = takes
        self._is_full = asyncio.Event()
        self._leaves = leaves

    async def send(self, message: Message) -> None:
        if len(self.received) == self._takes:
            self._is_full.set()
            await asyncio.Event().wait()
        self.received.append(message)

    async def receive(self) -> Message:
        await self._is_full.wait()
        if not self._leaves:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}


class Source:
    """Endless chunks. Notes when they are no longer read."""

    def __init__(self) -> None:
        self.is_closed = False

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"chunk"
        finally:
            self.is_closed = True


async def test_a_client_that_takes_nothing_is_given_up_and_the_source_closed() -> None:
    client, source = Client(takes=3), Source()

    await ArchiveResponse(source.chunks(), {}, stall_timeout=0.05)(SCOPE, client.receive, client.send)

    assert source.is_closed
    assert [each["type"] for each in client.received] == ["http.response.start"] + ["http.response.body"] * 2
    assert client.received[-1]["more_body"]


async def test_a_client_that_goes_away_closes_the_source_before_the_answer_ends() -> None:
    client, source = Client(takes=3, leaves=True), Source()

    await ArchiveResponse(source.chunks(), {}, stall_timeout=3600)(SCOPE, client.receive, client.send)

    assert source.is_closed


async def always_at_hand(readable: int) -> AsyncGenerator[bytes, None]:
    """Endless chunks, each ready when the loop asks for the next event."""
    loop = asyncio.get_running_loop()
    while True:
        arrived = asyncio.Event()
        loop.add_reader(readable, arrived.set)
        await arrived.wait()
        loop.remove_reader(readable)
        yield b"chunk"


class FastClient(Client):
    """Takes everything, and disconnects after some messages."""

    async def send(self, message: Message) -> None:
        self.received.append(message)
        if len(self.received) == self._takes:
            self._is_full.set()


@pytest.mark.timeout(30)
def test_a_client_that_goes_away_is_noticed_while_the_source_always_has_data() -> None:
    readable, writable = os.pipe()
    os.write(writable, b"never read, so that there is always something to be read")
    client = FastClient(takes=3, leaves=True)
    response = ArchiveResponse(always_at_hand(readable), {})

    # On the loop of the server: asyncio's own asks for events at another time.
    uvloop.run(response(SCOPE, client.receive, client.send))

    assert len(client.received) < 100
    os.close(readable)
    os.close(writable)
