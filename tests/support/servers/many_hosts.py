"""Many hosts in one server: every address of 127.0.0.0/8 is this machine, with one port."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from aiohttp import web


class ManyHosts:
    """Receivers that respond with 204 at once, unless they were told to hang or to fail."""

    def __init__(self) -> None:
        self.port = 0
        self.arrivals: dict[str, list[int]] = defaultdict(list)
        """Of each host: how many requests were under way there with each that came, itself included."""
        self._under_way: dict[str, int] = defaultdict(int)
        self._hanging: dict[str, asyncio.Event] = {}
        self._failing: dict[str, float] = {}
        self._changed = asyncio.Condition()

    def host(self, number: int) -> str:
        """The address of host `number`, from 0 on."""
        return f"127.1.{number // 250}.{number % 250 + 1}"

    def url(self, host: str) -> str:
        """A webhook URL there."""
        return f"http://{host}:{self.port}/webhook"

    def hang(self, *hosts: str) -> None:
        """Hang: respond to no request until `go_on`."""
        self._hanging |= {host: asyncio.Event() for host in hosts}

    def fail(self, host: str, *, after: float) -> None:
        """Respond with 500, so many seconds after each request."""
        self._failing[host] = after

    def go_on(self, host: str) -> None:
        """Respond again, also to waiting requests."""
        self._hanging.pop(host, asyncio.Event()).set()

    def recover(self, host: str) -> None:
        """Respond with 204 from now on."""
        self._failing.pop(host, None)

    async def wait_for(self, hosts: Collection[str], count: int = 1, *, timeout: float = 60) -> None:
        """Wait until so many requests have come to each of these hosts."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: all(len(self.arrivals[host]) >= count for host in hosts))

    async def wait_for_total(self, hosts: Collection[str], total: int, *, timeout: float = 60) -> None:
        """Wait until so many requests have come to these hosts together."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: sum(len(self.arrivals[host]) for host in hosts) >= total)

    async def handle(self, request: web.Request) -> web.Response:
        """aiohttp's handler."""
        await request.read()
        assert request.transport is not None
        host = request.transport.get_extra_info("sockname")[0]
        self._under_way[host] += 1
        async with self._changed:
            self.arrivals[host].append(self._under_way[host])
            self._changed.notify_all()
        try:
            return await self._answer(host)
        finally:
            self._under_way[host] -= 1

    async def _answer(self, host: str) -> web.Response:
        if host in self._hanging:
            await self._hanging[host].wait()
        if host in self._failing:
            await asyncio.sleep(self._failing[host])
            return web.Response(status=500)
        return web.Response(status=204)


@asynccontextmanager
async def running_hosts() -> AsyncIterator[ManyHosts]:
    """Hosts on a port that is free on all addresses."""
    hosts = ManyHosts()
    application = web.Application()
    application.router.add_post("/webhook", hosts.handle)
    # A client that gives up ends the request; otherwise it would count as in progress for ever.
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0).start()  # noqa: S104  (the many addresses of this machine)
    hosts.port = runner.addresses[0][1]
    try:
        yield hosts
    finally:
        await runner.cleanup()
