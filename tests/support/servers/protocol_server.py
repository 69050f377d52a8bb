"""uvicorn with the service's own protocol in front of a small application, in the loop of the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import uvicorn
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from service.http.protocol import BoundedHttpProtocol
from tests.support.processes import free_port


class Impatient(BoundedHttpProtocol):
    """The protocol with limits that a test can reach."""

    head_timeout: ClassVar[float] = 0.3
    send_timeout: ClassVar[float] = 0.3
    check_interval: ClassVar[float] = 0.1
    max_connections: ClassVar[int] = 20


class Application:
    """Responds at `/` at once, at `/body` with the request's body, at `/large` as long as the client reads."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.waiting = asyncio.Event()
        self.let_go = asyncio.Event()
        self.headers: list[list[str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        request = Request(scope, receive)
        answer: Response = Response("here")
        match request.url.path:
            case "/body":
                answer = Response(await request.body())
                self.headers.append(request.headers.keys())
            case "/large":
                answer = StreamingResponse(self._large())
            case "/at-once":
                answer = Response(b"x" * 20_000_000)
            case "/slow":
                answer = StreamingResponse(self._slow())
            case "/wait":
                self.waiting.set()
                await self.release.wait()
        await answer(scope, receive, send)

    async def _slow(self) -> AsyncIterator[bytes]:
        yield b"sl"
        self.waiting.set()
        await self.release.wait()
        yield b"ow"

    async def _large(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0)
        finally:
            self.let_go.set()


@asynccontextmanager
async def running(application: Application, protocol: type[BoundedHttpProtocol]) -> AsyncIterator[uvicorn.Server]:
    """A started server. It stops at the end."""
    config = uvicorn.Config(
        application, port=free_port(), http=protocol, ws="none", log_config=None, lifespan="off", timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  (uvicorn says so in no other way)
        await asyncio.sleep(0.01)
    yield server
    application.release.set()
    server.should_exit = True
    await serving
