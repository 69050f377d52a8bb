"""A subscriber on a free port of this machine."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

PATH = "/webhook"


@dataclass(frozen=True)
class ReceivedWebhook:
    """A POST as it arrived: a signature is verified over the bytes, not over what they decode to."""

    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Answers every POST to its URL with 204 and keeps each event once, in the order of arrival."""

    def __init__(self) -> None:
        self.url = ""
        self._events: asyncio.Queue[ReceivedWebhook] = asyncio.Queue()
        self._seen: set[str] = set()

    async def next(self) -> ReceivedWebhook:
        """Wait for the next event."""
        return await self._events.get()

    async def handle(self, request: web.Request) -> web.Response:
        """aiohttp's handler."""
        received = ReceivedWebhook(dict(request.headers), await request.read())
        event_id = request.headers.get("webhook-id", "")
        if event_id not in self._seen:
            self._seen.add(event_id)
            self._events.put_nowait(received)
        return web.Response(status=204)


@asynccontextmanager
async def running_receiver() -> AsyncIterator[Receiver]:
    """A receiver that listens for the length of an `async with` statement."""
    receiver = Receiver()
    application = web.Application()
    application.router.add_post(PATH, receiver.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
        yield receiver
    finally:
        await runner.cleanup()
