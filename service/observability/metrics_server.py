"""`/metrics` on a separate port: for every worker, and for an API process whose clients must not see it."""

import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from service.domain.environment.startup import StartupError

_NO_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
Render = Callable[[], Awaitable[bytes]]


@asynccontextmanager
async def serving_metrics(
    port: int | None, render: Render, *, setting: str, address: str | None = None
) -> AsyncIterator[None]:
    """Serve on one address of this machine, or on all, in the process's event loop: if that hangs, nothing answers.

    Serves nothing if `port` is None. Raises `StartupError`, which names METRICS_ADDRESS if the machine has no such
    address, and `setting` if the port cannot be opened.
    """
    if port is None:
        yield
        return
    runner = web.AppRunner(_application(render), access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, address, port).start()
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that no resolver accepts
            raise StartupError(_reason(error, port, setting, address)) from None
        yield
    finally:
        await runner.cleanup()


def _reason(error: OSError | UnicodeError, port: int, setting: str, address: str | None) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if address is not None and (isinstance(error, socket.gaierror | UnicodeError) or number in _NO_ADDRESS):
        return f"METRICS_ADDRESS: {address} is no address of this machine"
    if number == errno.EACCES:
        return f"{setting}: this user may not open the port {port}: use one from 1024 on"
    name = errno.errorcode.get(number or 0, type(error).__name__)
    return f"{setting}: the port {port} cannot be opened ({name})"


def _application(render: Render) -> web.Application:
    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=await render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def hide_banner(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.popall("Server", None)

    application = web.Application()
    application.router.add_get("/metrics", show)
    application.on_response_prepare.append(hide_banner)
    return application
