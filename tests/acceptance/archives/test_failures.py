"""Archives that cannot be finished: the store, the client or the server gives up on the way."""

import asyncio
import contextlib
import hashlib
import io
import signal
import zipfile
from pathlib import Path

import aiohttp
import msgspec
import pytest

from service.domain.documents import StoredFile
from tests.acceptance.archives.conftest import PATIENCE, Shelf, Wired
from tests.support.http.archives import Given, ask, put_case, save
from tests.support.service import Service

MIB = 1024 * 1024
RATE = 20 * MIB  # bytes a second: what is large takes a while


@pytest.fixture
async def case(service: Service, shelf: Shelf, number: str) -> str:
    """A small document, one of 256 MiB, and a small one."""
    small = shelf.small
    await put_case(service, number, [Given("a", small[0]), Given("b", shelf.large), Given("c", small[1])])
    return number


async def received(answer: aiohttp.ClientResponse) -> bytes:
    """The part of a response that a client gets before it breaks off."""
    body = bytearray()

    async def receive() -> None:
        async for chunk in answer.content.iter_chunked(MIB):
            body.extend(chunk)

    with pytest.raises(aiohttp.ClientPayloadError):
        await receive()
    return bytes(body)


async def connections_to_store(wired: Wired, expected: int) -> None:
    """Wait until there are `expected` connections."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while wired.wire.connections != expected:  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.05)
    assert wired.wire.connections == expected


def sockets_of(pid: int) -> int:
    """How many sockets a process has open."""
    return sum(str(each.readlink()).startswith("socket:") for each in Path(f"/proc/{pid}/fd").iterdir())


WRONG = {
    "vanished": lambda file: msgspec.structs.replace(file, key="small/vanished.pdf"),
    "shorter": lambda file: msgspec.structs.replace(file, size=file.size + 1),
    "longer": lambda file: msgspec.structs.replace(file, size=file.size - 1),
    "another": lambda file: msgspec.structs.replace(file, sha256=hashlib.sha256(b"another").hexdigest()),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_an_object_that_is_not_what_was_stored_breaks_the_transfer(
    wired: Wired, service: Service, shelf: Shelf, number: str, wrong: str
) -> None:
    file: StoredFile = WRONG[wrong](shelf.small[0])
    await put_case(service, number, [Given("a", shelf.small[1]), Given("b", file), Given("c", shelf.small[2])])

    async with ask(wired.api, number) as answer:
        body = await received(answer)

    assert not zipfile.is_zipfile(io.BytesIO(body))
    line = msgspec.json.decode(await wired.said("archive_cut"))
    assert file.key in line["reason"]
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert "Traceback" not in wired.process.said


async def test_a_store_that_is_cut_off_midway_is_read_on(wired: Wired, case: str, shelf: Shelf, tmp_path: Path) -> None:
    target = tmp_path / "archive.zip"
    wired.wire.slow_down(8 * RATE)
    saving = asyncio.ensure_future(save(wired.api, case, target))
    for _ in range(3):
        await connections_to_store(wired, 1)
        wired.wire.cut()

    await saving

    assert wired.wire.cuts == 3
    with zipfile.ZipFile(target) as archive:
        assert [each.file_size for each in archive.infolist()][2] == shelf.large.size
        assert archive.testzip() is None


@pytest.mark.long
async def test_a_store_that_goes_away_midway_breaks_the_transfer(wired: Wired, case: str) -> None:
    wired.wire.slow_down(RATE)
    async with ask(wired.api, case) as answer:
        begin = await answer.content.readexactly(MIB)
        wired.wire.take_away()
        body = begin + await received(answer)

    assert not zipfile.is_zipfile(io.BytesIO(body))
    assert "archive_cut" in await wired.said("archive_cut")


async def test_clients_that_hang_up_leave_nothing_behind(
    wired: Wired, service: Service, shelf: Shelf, number: str
) -> None:
    # Larger than what can be read before the timeout.
    await put_case(service, number, [Given("a", shelf.small[0]), *[Given("b", shelf.large)] * 100])
    await wired.api.status(number)
    before = sockets_of(wired.process.pid)

    # At full speed: the store always has data, and the API waits only for the client.
    answers = [await ask(wired.api, number) for _ in range(20)]
    for answer in answers:
        await answer.content.readexactly(MIB)
    await connections_to_store(wired, 20)
    for answer in answers:
        answer.close()

    await connections_to_store(wired, 0)
    async with asyncio.timeout(PATIENCE):
        while sockets_of(wired.process.pid) > before:  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)
    assert "Traceback" not in wired.process.said
    assert "archive_cut" not in wired.process.said


async def test_a_client_that_takes_its_time_holds_no_connection_to_the_database(wired: Wired, case: str) -> None:
    answers = [await ask(wired.api, case) for _ in range(6)]
    for answer in answers:
        await answer.content.readexactly(MIB)

    status = await wired.api.status(case)

    assert status["completed_documents"] == 3
    assert wired.environment["DATABASE_POOL_SIZE"] == "2"
    for answer in answers:
        answer.close()


async def test_a_server_that_stops_lets_go(wired: Wired, case: str) -> None:
    wired.wire.slow_down(MIB)
    async with ask(wired.api, case) as answer:
        await answer.content.readexactly(MIB)
        wired.process.send(signal.SIGTERM)

        await received(answer)

    assert await wired.process.ended(timeout=PATIENCE) == -signal.SIGTERM
    await connections_to_store(wired, 0)
