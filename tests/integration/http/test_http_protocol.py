"""Connections that never finish: how the server closes them, and which others it serves meanwhile."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar

import pytest
import uvicorn

from tests.support.http.raw_http import RawConnection, connect
from tests.support.loop_clock import running_loop_clock
from tests.support.servers.protocol_server import Application, Impatient, running

Dial = Callable[[], Awaitable[RawConnection]]

GET = b"GET / HTTP/1.1\r\nHost: api\r\n\r\n"


@pytest.fixture(autouse=True)
async def clock() -> AsyncIterator[None]:
    """Server and clients share one process: if it is frozen, neither may time out."""
    with running_loop_clock():
        yield


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
async def dial(server: uvicorn.Server) -> AsyncIterator[Dial]:
    """Opens connections to the server, and closes them after the test."""
    opened: list[RawConnection] = []

    async def open_one() -> RawConnection:
        opened.append(await connect(server.config.port))
        return opened[-1]

    yield open_one
    for each in opened:
        await each.close()


@pytest.fixture
async def server(application: Application) -> AsyncIterator[uvicorn.Server]:
    async with running(application, Impatient) as server:
        yield server


async def answered(connection: RawConnection, request: bytes) -> tuple[int, str]:
    with suppress(ConnectionError):
        await connection.send(request)
    answer = await connection.answer()
    assert answer is not None, "no answer"
    return answer.status, answer.code


async def drip(connection: RawConnection, byte: bytes) -> None:
    """Send a byte now and then, until the connection is closed."""
    while True:
        await connection.send(byte)
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("begin", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nX: "])
async def test_headers_that_drip_are_cut_off_with_a_problem(dial: Dial, begin: bytes) -> None:
    connection = await dial()
    await connection.send(begin)
    dripping = asyncio.create_task(drip(connection, b"a" if b":" in begin else b""))

    answer = await connection.answer()

    dripping.cancel()
    assert answer is not None
    assert (answer.status, answer.code) == (408, "request_timeout")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(answer.headers["x-request-id"]) == 32
    assert await connection.ended() == b""


async def test_a_connection_without_a_request_ends_without_a_word(dial: Dial) -> None:
    assert await (await dial()).ended() == b""


async def test_a_body_that_drips_behind_its_answer_is_cut_off(dial: Dial) -> None:
    connection = await dial()
    assert await answered(connection, b"POST / HTTP/1.1\r\nHost: api\r\nContent-Length: 1000000\r\n\r\n") == (200, "")
    dripping = asyncio.create_task(drip(connection, b"a"))

    assert await connection.ended() == b""

    await asyncio.wait([dripping])
    assert isinstance(dripping.exception(), ConnectionError)


async def test_a_request_that_takes_long_to_answer_is_left_alone(dial: Dial, application: Application) -> None:
    slow = await dial()
    await slow.send(b"GET /wait HTTP/1.1\r\nHost: api\r\n\r\n")
    # When two other connections were cut off, one after the other, the limit has passed.
    for _ in range(2):
        assert await (await dial()).ended() == b""

    application.release.set()

    answer = await slow.answer()
    assert answer is not None
    assert answer.status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 1_000_000,
        b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200_000,
        b"GET / HTTP/1.1\r\nX: " + b"a" * 1_000_000,
        b"GET / HTTP/1.1\r\n" + b"a" * 1_000_000,
    ],
)
async def test_headers_without_an_end_are_cut_off(dial: Dial, head: bytes) -> None:
    connection = await dial()
    sending = asyncio.create_task(connection.send(head))

    answer = await connection.answer()

    await asyncio.wait([sending])
    # The client may first get an error for the rest, which the server does not read.
    assert answer is None or answer.status == 431


@pytest.mark.parametrize(
    "endless",
    [
        b"Content-Length: 100000000\r\n\r\n" + b"a" * 40_000_000,
        b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * 40_000_000,
    ],
    ids=["a body", "a header behind the body"],
)
async def test_what_follows_the_headers_is_bounded(dial: Dial, endless: bytes) -> None:
    connection = await dial()
    sending = asyncio.create_task(connection.send(b"POST / HTTP/1.1\r\nHost: api\r\n" + endless))

    await connection.ended()

    await asyncio.wait([sending])
    assert isinstance(sending.exception(), ConnectionError)


async def test_headers_behind_a_body_are_not_those_of_the_request(dial: Dial, application: Application) -> None:
    connection = await dial()
    head = b"POST /body HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert await answered(connection, head + b"2\r\n{}\r\n0\r\nAuthorization: x\r\n\r\n") == (200, "")

    assert application.headers == [["host", "transfer-encoding"]]


async def test_requests_in_a_row_are_answered_in_their_order_and_many_are_refused(dial: Dial) -> None:
    polite = await dial()
    await polite.send(GET * 3)
    assert [answer and answer.status for answer in [await polite.answer() for _ in range(3)]] == [200, 200, 200]

    greedy = await dial()
    await greedy.send(GET * 5000)
    refused = await greedy.ended()

    assert refused.count(b"HTTP/1.1 ") < 20


async def test_idle_connections_give_way_to_those_that_ask(
    server: uvicorn.Server, dial: Dial, application: Application
) -> None:
    asking = await dial()
    await asking.send(b"GET /wait HTTP/1.1\r\nHost: api\r\n\r\n")
    await application.waiting.wait()
    idle = [await dial() for _ in range(60)]

    for _ in range(5):
        assert await answered(await dial(), GET) == (200, "")

    assert len(server.server_state.connections) <= Impatient.max_connections + 1
    assert {await each.ended() for each in idle} == {b""}
    application.release.set()
    answer = await asking.answer()
    assert answer is not None
    assert answer.status == 200


async def test_where_nobody_is_idle_one_more_is_turned_away(
    server: uvicorn.Server, dial: Dial, application: Application
) -> None:
    waiting = [await dial() for _ in range(Impatient.max_connections)]
    for each in waiting:
        await each.send(b"GET /wait HTTP/1.1\r\nHost: api\r\n\r\n")
    while len(server.server_state.tasks) < Impatient.max_connections:  # noqa: ASYNC110  (uvicorn has no event for it)
        await asyncio.sleep(0.01)

    with pytest.raises(AssertionError, match="no answer"):
        await answered(await dial(), GET)
    application.release.set()
    for each in waiting:
        answer = await each.answer()
        assert answer is not None
        assert answer.status == 200


async def test_a_client_that_stops_reading_a_stream_is_let_go(server: uvicorn.Server, application: Application) -> None:
    with silent_client(server.config.port, b"GET /large HTTP/1.1\r\nHost: api\r\n\r\n"):
        async with asyncio.timeout(60):
            await application.let_go.wait()


async def test_a_client_that_never_reads_a_large_answer_is_let_go(server: uvicorn.Server) -> None:
    with silent_client(server.config.port, b"GET /at-once HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n"):
        await expect_connections(server, 1)
        await expect_connections(server, 0)


async def test_a_client_that_reads_slowly_gets_everything(application: Application) -> None:
    class LessImpatient(Impatient):
        send_timeout: ClassVar[float] = 3.0

    size = 0
    async with running(application, LessImpatient) as server:
        connection = await connect(server.config.port)
        await connection.send(b"GET /at-once HTTP/1.1\r\nHost: api\r\n\r\n")
        # Longer in total than a client may stop reading.
        while size < 20_000_000:
            read = await connection.read(500_000)
            assert read
            size += read
            await asyncio.sleep(0.1)
        await connection.close()


async def test_a_connection_is_kept_for_the_next_request(dial: Dial) -> None:
    kept = await dial()
    assert await answered(kept, GET) == (200, "")

    # As long as a connection without a request.
    assert await (await dial()).ended() == b""

    assert await answered(kept, GET) == (200, "")


async def expect_connections(server: uvicorn.Server, count: int) -> None:
    async with asyncio.timeout(30):
        while len(server.server_state.connections) != count:  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.01)


@contextmanager
def silent_client(port: int, request: bytes) -> Iterator[None]:
    """Sends a request and reads nothing."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        yield
