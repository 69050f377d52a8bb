"""A target of alerts over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web


class Mailbox:
    """A target that keeps its messages, or refuses them."""

    def __init__(self) -> None:
        self.port = 0
        self.messages: list[dict[str, Any]] = []
        self.refuses = False
        self._changed = asyncio.Condition()

    @property
    def url(self) -> str:
        """The URL in apprise's notation, with a password."""
        return f"json://operator:target-password@127.0.0.1:{self.port}/alerts"

    async def wait_for(self, count: int) -> None:
        """Wait until so many messages came."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: len(self.messages) >= count)

    async def handle(self, request: web.Request) -> web.Response:
        """aiohttp's handler."""
        async with self._changed:
            self.messages.append(msgspec.json.decode(await request.read()))
            self._changed.notify_all()
        return web.Response(status=500 if self.refuses else 200)


@asynccontextmanager
async def running_mailbox() -> AsyncIterator[Mailbox]:
    """A target on a free port of this machine."""
    mailbox = Mailbox()
    application = web.Application()
    application.router.add_post("/alerts", mailbox.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    mailbox.port = runner.addresses[0][1]
    try:
        yield mailbox
    finally:
        await runner.cleanup()
