"""A webhook subscriber on a real socket that can respond in any way."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web


@dataclass(frozen=True)
class Received:
    """One POST."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


class Subscriber:
    """Keeps every POST by its path. Responds with 204 unless told otherwise."""

    def __init__(self) -> None:
        self.base_url = ""
        self._received: dict[str, list[Received]] = defaultdict(list)
        self._answers: dict[str, list[int]] = defaultdict(list)
        self._changed = asyncio.Condition()

    def url(self, path: str) -> str:
        """The webhook URL that arrives as `path`."""
        return f"{self.base_url}{path}"

    def answer(self, path: str, *statuses: int) -> None:
        """Respond to the next POSTs to a path with these statuses, then with 204 again."""
        self._answers[path].extend(statuses)

    def received(self, path: str) -> list[Received]:
        """The POSTs so far."""
        return list(self._received[path])

    async def wait_for(self, path: str, count: int = 1, *, timeout: float = 60) -> list[Received]:
        """Wait until `count` POSTs came to a path."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: len(self._received[path]) >= count)
        return self.received(path)

    async def handle(self, request: web.Request) -> web.Response:
        """aiohttp's handler for every path."""
        body = await request.read()
        path = request.path
        async with self._changed:
            self._received[path].append(Received(dict(request.headers), body))
            self._changed.notify_all()
        answers = self._answers[path]
        return web.Response(status=answers.pop(0) if answers else 204)


@asynccontextmanager
async def running_subscriber(subscriber: Subscriber | None = None) -> AsyncIterator[Subscriber]:
    """A subscriber on a free port of this machine."""
    subscriber = subscriber or Subscriber()
    application = web.Application()
    application.router.add_post("/{tail:.*}", subscriber.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    subscriber.base_url = f"http://127.0.0.1:{port}"
    try:
        yield subscriber
    finally:
        await runner.cleanup()
