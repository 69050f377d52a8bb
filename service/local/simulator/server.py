"""Serves the simulated portal with uvicorn: as a process, or within the event loop of a test."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from service.local.simulator.wire import OpenHttpProtocol

_KEEP_ALIVE_SECONDS = 75  # as the nginx in front of the real one


class PortalServer(uvicorn.Server):
    """A uvicorn server that cuts its connections when it stops: some of them would never end by themselves."""

    def __init__(self, config: uvicorn.Config, *, handle_signals: bool, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._handle_signals = handle_signals

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT stop the server, and the process ends with code 0 instead of by the signal."""
        chosen = (signal.SIGTERM, signal.SIGINT) if self._handle_signals else ()
        loop = asyncio.get_running_loop()
        for one in chosen:
            loop.add_signal_handler(one, self.stop)
        try:
            yield
        finally:
            for one in chosen:
                loop.remove_signal_handler(one)

    def stop(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, OpenHttpProtocol):
                connection.transport.abort()
        await super().shutdown(sockets)


def server_config(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Config:
    """No access log, no `Server` header, no trust in forwarded addresses, uvicorn's loggers left as they are."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=OpenHttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )


@contextlib.asynccontextmanager
async def running_portal(app: ASGIApp) -> AsyncIterator[str]:
    """Serves the application in this event loop on a free port of 127.0.0.1; gives its origin, without path."""
    # asyncio turns Nagle's delay of 40 ms off only for sockets that name their protocol.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    ready = asyncio.Event()
    server = PortalServer(server_config(app), handle_signals=False, on_ready=ready.set)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await _first_of(serving, asyncio.create_task(ready.wait()))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.stop()
        await serving


async def _first_of(serving: asyncio.Task[None], ready: asyncio.Task[bool]) -> None:
    """Waits until the server is ready. Raises what kept it from starting, if it ends before."""
    await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        ready.cancel()
        await serving
