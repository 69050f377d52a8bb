"""The last requests of a stopping server: none is lost with a closed connection."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator

import pytest
import uvicorn

from service.http.drain import refuse_connections
from service.http.protocol import BoundedHttpProtocol
from tests.support.http.raw_http import RawAnswer, RawConnection, connect
from tests.support.servers.protocol_server import Application, running

GET = b"GET / HTTP/1.1\r\nHost: api\r\n\r\n"


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
async def server(application: Application) -> AsyncIterator[uvicorn.Server]:
    async with running(application, BoundedHttpProtocol) as server:
        yield server


@pytest.fixture
async def clients() -> AsyncIterator[list[RawConnection]]:
    """Clients that are closed after the test."""
    opened: list[RawConnection] = []
    yield opened
    for each in opened:
        await each.close()


def connected(server: uvicorn.Server) -> socket.socket:
    """Connect without a step of the loop in between: the server has not accepted the connection yet."""
    return socket.create_connection(("127.0.0.1", server.config.port))


async def adopted(clients: list[RawConnection], client: socket.socket) -> RawConnection:
    client.setblocking(False)
    clients.append(RawConnection(*await asyncio.open_connection(sock=client)))
    return clients[-1]


async def dial(clients: list[RawConnection], server: uvicorn.Server) -> RawConnection:
    clients.append(await connect(server.config.port))
    return clients[-1]


async def answered(client: RawConnection) -> RawAnswer:
    answer = await client.answer()
    assert answer is not None
    return answer


async def used(server: uvicorn.Server) -> socket.socket:
    """A connection that got a response."""
    client = connected(server)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, GET)
    assert (await loop.sock_recv(client, 1000)).endswith(b"here")
    return client


def stop(server: uvicorn.Server) -> None:
    """Stop as uvicorn does, in one step."""
    for each in server.servers:
        each.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()


async def test_a_request_that_is_in_the_socket_already_is_answered(
    server: uvicorn.Server, clients: list[RawConnection]
) -> None:
    client = await used(server)

    client.send(GET)
    stop(server)

    assert (await answered(await adopted(clients, client))).body == b"here"


async def test_a_new_connection_is_given_time_for_its_request(
    server: uvicorn.Server, clients: list[RawConnection]
) -> None:
    client = await dial(clients, server)
    while not server.server_state.connections:  # noqa: ASYNC110  (uvicorn says so in no other way)
        await asyncio.sleep(0)

    stop(server)
    await client.send(GET)

    assert (await answered(client)).body == b"here"


async def test_a_kept_connection_without_a_request_is_closed(
    server: uvicorn.Server, clients: list[RawConnection]
) -> None:
    client = await used(server)

    stop(server)

    assert await (await adopted(clients, client)).ended() == b""


async def test_a_request_that_is_answered_is_finished(
    server: uvicorn.Server, clients: list[RawConnection], application: Application
) -> None:
    client = await dial(clients, server)
    await client.send(b"GET /wait HTTP/1.1\r\nHost: api\r\n\r\n")
    await application.waiting.wait()

    stop(server)
    application.release.set()

    answer = await answered(client)
    assert (answer.body, answer.headers["connection"]) == (b"here", "close")


async def test_the_next_request_after_an_answer_that_had_begun_is_answered(
    server: uvicorn.Server, clients: list[RawConnection], application: Application
) -> None:
    """Its headers did not announce the end of the connection."""
    client = await dial(clients, server)
    await client.send(b"GET /slow HTTP/1.1\r\nHost: api\r\n\r\n")
    await application.waiting.wait()

    stop(server)
    application.release.set()
    first = await answered(client)
    await client.send(GET)

    second = await answered(client)
    assert (first.body, second.body) == (b"slow", b"here")
    assert await client.ended() == b""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such filter")
async def test_who_connected_before_the_end_is_served_and_nobody_gets_in_after_it(
    server: uvicorn.Server, clients: list[RawConnection]
) -> None:
    (listening,) = server.servers[0].sockets
    client = connected(server)

    refuse_connections(listening.fileno())
    late = socket.socket()
    late.setblocking(False)
    trying = asyncio.ensure_future(asyncio.get_running_loop().sock_connect(late, ("127.0.0.1", server.config.port)))
    client.send(GET)
    answer = await (await adopted(clients, client)).answer()

    assert answer is not None
    assert answer.body == b"here"
    assert not trying.done()
    trying.cancel()
    await asyncio.wait([trying])
    late.close()
