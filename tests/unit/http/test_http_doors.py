"""Doors into uvicorn, sse-starlette and swagger-ui-py."""

import asyncio
import inspect
import re
import signal
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from typing import Any

import pytest
import uvicorn
from sse_starlette.sse import EventSourceResponse, SendTimeoutError
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.api.progress.stream import EventStream
from service.http.drain import Drain

SCOPE: Scope = {"type": "http", "method": "GET"}


async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """An application of ASGI."""


@pytest.fixture
def config() -> uvicorn.Config:
    return uvicorn.Config(app, log_config=None)


async def test_uvicorns_protocol_keeps_its_requests_and_connections_where_they_are_looked_for(
    config: uvicorn.Config,
) -> None:
    protocol = HttpToolsProtocol(config, ServerState(), {})

    assert vars(protocol)["cycle"] is None
    assert (len(protocol.pipeline), len(protocol.connections)) == (0, 0)
    assert protocol.client is None
    assert "flow" in vars(protocol)
    assert STATUS_LINE[200].startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "name",
    [
        *("connection_made", "connection_lost", "data_received", "on_header", "on_headers_complete", "shutdown"),
        *("on_message_begin", "on_message_complete", "on_response_complete", "resume_writing", "send_400_response"),
        *("_start_asgi_task", "_unsupported_upgrade_warning"),
    ],
)
def test_uvicorns_protocol_has_the_methods_that_are_overridden(name: str) -> None:
    assert callable(getattr(HttpToolsProtocol, name))


def test_uvicorn_starts_each_request_by_the_method_that_is_overridden() -> None:
    assert list(inspect.signature(HttpToolsProtocol._start_asgi_task).parameters) == ["self", "cycle", "app"]
    assert inspect.getsource(HttpToolsProtocol).count("self._start_asgi_task(") == 2


@pytest.mark.parametrize(
    "name", ["scope", "response_started", "response_complete", "chunked_encoding", "expected_content_length"]
)
def test_a_request_of_uvicorn_has_the_fields_that_are_read_or_set(name: str) -> None:
    assert re.search(rf"self\.{name}\b.* = ", inspect.getsource(RequestResponseCycle.__init__))


def test_uvicorns_server_handles_sigterm_itself_and_lists_its_sockets(config: uvicorn.Config) -> None:
    server = uvicorn.Server(config)
    handler: Any = server.handle_exit

    assert handler.__self__ is server
    assert server.should_exit is False
    assert "signal.signal(sig, self.handle_exit)" in inspect.getsource(uvicorn.Server.capture_signals)
    assert "self.servers" in inspect.getsource(uvicorn.Server.startup)
    assert server.server_state.connections == set()


@pytest.fixture
def server(config: uvicorn.Config) -> Iterator[uvicorn.Server]:
    before, server = signal.getsignal(signal.SIGTERM), uvicorn.Server(config)
    signal.signal(signal.SIGTERM, server.handle_exit)
    yield server
    signal.signal(signal.SIGTERM, before)


async def test_a_stream_asks_the_object_behind_the_handler_of_sigterm_whether_it_ends(server: uvicorn.Server) -> None:
    sent: list[Message] = []
    has_begun = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        yield b"event"
        has_begun.set()
        await asyncio.Event().wait()

    async def receive() -> Message:
        return await asyncio.Event().wait()  # type: ignore[return-value]  # never returns

    async def send(message: Message) -> None:
        sent.append(message)

    with Drain(5).on_sigterm():
        streaming = asyncio.create_task(EventStream(events())(SCOPE, receive, send))
        await has_begun.wait()
        assert not streaming.done()
        server.should_exit = True
        await streaming

    assert [message.get("more_body") for message in sent] == [None, True, False]


def test_sse_starlette_tells_a_client_that_does_not_read_by_its_own_error() -> None:
    assert "raise SendTimeoutError()" in inspect.getsource(EventSourceResponse)
    assert issubclass(SendTimeoutError, Exception)


@pytest.mark.parametrize("name", ["swagger-ui.css", "swagger-ui-bundle.js"])
def test_the_package_of_swagger_ui_has_the_files_of_the_page(name: str) -> None:
    assert files("swagger_ui").joinpath("static", name).is_file()


def test_starlette_sends_a_stream_and_listens_for_its_client_in_two_methods() -> None:
    assert list(inspect.signature(StreamingResponse.stream_response).parameters) == ["self", "send"]
    assert list(inspect.signature(StreamingResponse.listen_for_disconnect).parameters) == ["self", "receive"]
