"""`/metrics` on a separate port: for every worker, and for an API process whose clients must not see it."""

import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from service.domain.startup import StartupError

Render = Callable[[], Awaitable[bytes]]


@asynccontextmanager
async def serving_metrics(
    port: int | None, render: Render, *, setting: str, address: str | None = None
) -> AsyncIterator[None]:
    """Serve on one address of this machine, or on all, in the process's event loop: if that hangs, nothing answers.

    Serves nothing if `port` is None. Raises `StartupError`, which names `setting` if the port is taken, and
    METRICS_ADDRESS if the machine has no such address.
    """
    if port is None:
        yield
        return
    runner = web.AppRunner(_application(render), access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, address, port).start()
        except OSError as error:
            if address is not None and error.errno != errno.EADDRINUSE:
                raise StartupError(f"METRICS_ADDRESS: {address} is no address of this machine") from None
            raise StartupError(f"{setting}: the port {port} cannot be opened ({type(error).__name__})") from None
        yield
    finally:
        await runner.cleanup()


def _application(render: Render) -> web.Application:
    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=await render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def hide_banner(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.popall("Server", None)

    application = web.Application()
    application.router.add_get("/metrics", show)
    application.on_response_prepare.append(hide_banner)
    return application
