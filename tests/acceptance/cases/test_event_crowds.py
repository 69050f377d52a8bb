"""Event streams of one API process: many at once, a client that does not read, a stop, a database outage."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from service.local.simulator import DocumentSpec
from tests.support.http.api import Api
from tests.support.http.event_streams import Event, EventReader, following, told
from tests.support.portal import Portal
from tests.support.processes import Process, free_port, start_api
from tests.support.servers.tcp_proxy import running_tcp_proxy

LISTENERS = 1000
CASES = 25
MANY = 1500  # documents
LISTED = "UPDATE processes SET listed_at = now(), updated_at = now() WHERE number = $1"
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'autos api'"


@asynccontextmanager
async def own_api(
    api: Api, environment: dict[str, str], log: Path, **changes: str
) -> AsyncIterator[tuple[Api, Process]]:
    """Another API process of the same service."""
    port = str(free_port())
    process = await start_api({**environment, "PORT": port, **changes}, log)
    try:
        yield Api(api.session, f"http://127.0.0.1:{port}", api.api_key), process
    finally:
        await process.stop()


async def metadata_only(api: Api, portal: Portal, number: str, count: int = 2) -> None:
    """A case that is pending until its documents are requested."""
    await portal.put_documents(number, DocumentSpec(count=count))
    assert (await api.process(number, auto_download="false")).status == 200


def resident(process: Process) -> int:
    """Bytes of memory."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_a_thousand_listeners_need_no_connection_of_their_own(
    api: Api, environment: dict[str, str], portal: Portal, supply: Iterator[str], tmp_path: Path
) -> None:
    numbers = [next(supply) for _ in range(CASES)]
    for number in numbers:
        await metadata_only(api, portal, number)
    async with (
        own_api(api, environment, tmp_path / "api.log") as (crowded, process),
        asyncpg.create_pool(environment["DATABASE_URL"], min_size=1, max_size=1) as database,
    ):
        # As many connections as it opens at most.
        await asyncio.gather(*(crowded.status(numbers[0]) for _ in range(100)))
        before, memory = await database.fetchval(CONNECTIONS), resident(process)

        door, opened = asyncio.Semaphore(50), asyncio.Queue[None]()
        ends = asyncio.gather(*(listen(crowded, numbers[index % CASES], door, opened) for index in range(LISTENERS)))
        for _ in range(LISTENERS):
            await opened.get()
        meanwhile, grown = await database.fetchval(CONNECTIONS), resident(process) - memory
        for number in numbers:
            await crowded.process(number)
        heard = await ends
        after = await database.fetchval(CONNECTIONS)

    print(f"{LISTENERS} listeners: {grown / 2**20:.1f} MiB, connections {before}, {meanwhile}, {after}")  # noqa: T201  (a figure)
    assert max(meanwhile, after) <= before
    assert [events[-1].name for events in heard] == ["completed"] * LISTENERS
    assert grown < LISTENERS * 200_000


async def listen(api: Api, number: str, door: asyncio.Semaphore, opened: asyncio.Queue[None]) -> list[Event]:
    """Collect the events of one listener, and set an event at its snapshot. `door` limits how many connect at once."""
    async with AsyncExitStack() as stack:
        async with door:
            stream = await stack.enter_async_context(following(api, number))
            events = await stream.until("snapshot")
        opened.put_nowait(None)
        return events + await stream.rest()


@pytest.mark.long
async def test_a_listener_that_reads_nothing_costs_no_memory(
    api: Api, environment: dict[str, str], portal: Portal, number: str, tmp_path: Path
) -> None:
    await metadata_only(api, portal, number, count=MANY)
    async with (
        own_api(api, environment, tmp_path / "api.log") as (crowded, process),
        following(crowded, number) as stream,
    ):
        await stream.until("snapshot")
        await write_all(environment["DATABASE_URL"], number, stream, range(1, 4))
        before = resident(process)
        with deaf_socket(crowded, number):
            await write_all(environment["DATABASE_URL"], number, stream, range(4, 34))
            grown = resident(process) - before

    assert grown < 15 * 2**20  # thirty looks are more than 30 MiB


async def write_all(database_url: str, number: str, stream: EventReader, attempts: range) -> None:
    """Change all documents at once, again and again, each time after all other listeners got the last change."""
    digits = number.replace("-", "").replace(".", "")
    database = await asyncpg.connect(database_url)
    for attempt in attempts:
        async with database.transaction():
            # In one transaction with the case, as a listing writes them.
            await database.execute(LISTED, digits)
            await database.execute("UPDATE documents SET attempts = $2 WHERE process_number = $1", digits, attempt)
        await hear(stream, attempt)
    await database.close()


async def hear(stream: EventReader, attempts: int) -> None:
    """Read until the last document came with this state."""
    heard = 0
    while heard < MANY:
        event = await stream.next()
        assert event is not None
        heard += event.name == "document" and event.data["attempts"] == attempts


@contextlib.contextmanager
def deaf_socket(api: Api, number: str) -> Iterator[socket.socket]:
    """A client that requests events and reads nothing."""
    parts = urlsplit(api.base_url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((parts.hostname, parts.port))
        connection.sendall(
            f"GET /api/v1/processes/{number}/events HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {api.api_key}\r\n\r\n".encode()
        )
        yield connection


async def test_a_server_that_stops_lets_every_listener_go_in_order(
    api: Api, environment: dict[str, str], portal: Portal, number: str, tmp_path: Path
) -> None:
    await metadata_only(api, portal, number)
    async with own_api(api, environment, tmp_path / "api.log") as (crowded, process), AsyncExitStack() as streams:
        readers = [await streams.enter_async_context(following(crowded, number)) for _ in range(50)]
        await asyncio.gather(*(reader.until("snapshot") for reader in readers))

        # Without a time limit, uvicorn waits until every response is complete.
        stopping = asyncio.create_task(process.stop())
        rest = await asyncio.gather(*(reader.rest() for reader in readers))
        await stopping

    assert rest == [[]] * 50
    assert "without completing" not in process.said
    assert "Traceback" not in process.said


async def test_streams_outlive_a_database_that_is_away_for_a_while(
    api: Api, environment: dict[str, str], portal: Portal, number: str, tmp_path: Path
) -> None:
    await metadata_only(api, portal, number)
    async with (
        running_tcp_proxy(environment["DATABASE_URL"]) as (wire, url),
        own_api(api, environment, tmp_path / "api.log", DATABASE_URL=url) as (crowded, process),
        following(crowded, number) as stream,
    ):
        opening = await stream.until("snapshot")
        wire.take_away()
        async with asyncio.timeout(60):
            while not process.has_said("progress_not_seen"):  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.05)
        await api.process(number)
        await api.ended(number)
        wire.bring_back()
        events = opening + await stream.rest()

    assert events[-1].name == "completed"
    assert {each["status"] for each in told(events).values()} == {"available"}
