"""The reason why the portal cannot be reached is shown in plain words wherever the state of work is shown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.domain.process_number import ProcessNumber
from service.portal.errors import PortalError, Unavailable
from tests.support.portal_client import open_portal_client
from tests.support.processes import free_port
from tests.support.servers.private_ca import make_authority

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "


@asynccontextmanager
async def answering(answer: bytes, *, tls: Path | None = None) -> AsyncIterator[int]:
    """The port of a server with one response to everything; with `tls`, a server that no client trusts."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    context = None if tls is None else make_authority(tls).server_context()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def reason_at(base_url: str, number: str, *, timeout: float = 20) -> tuple[str, bool | None]:
    """The reason of a failed listing, and whether the portal is its cause."""
    told: list[PortalError | None] = []
    async with open_portal_client(base_url, "token", tell=told.append) as portal:
        with pytest.raises(Unavailable) as error:
            await portal.client.list_process(ProcessNumber.parse(number), timeout=timeout)
    assert told == [error.value]
    return str(error.value), error.value.blames_portal


async def test_a_connection_that_is_refused(number: str) -> None:
    assert await reason_at(f"http://127.0.0.1:{free_port()}/api/v2", number) == ("the connection was refused", True)


async def test_a_name_that_cannot_be_resolved(number: str) -> None:
    reason = await reason_at("http://portal.invalid/api/v2", number)

    assert reason == ("DNS failed: the name cannot be resolved", True)


async def test_a_certificate_that_nobody_signed(number: str, tmp_path: Path) -> None:
    async with answering(b"", tls=tmp_path) as port:
        reason, is_blamed = await reason_at(f"https://127.0.0.1:{port}/api/v2", number)

    assert (reason, is_blamed) == ("TLS failed: unable to get local issuer certificate", True)


async def test_tls_with_a_server_that_speaks_none(number: str) -> None:
    async with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        reason, _ = await reason_at(f"https://127.0.0.1:{port}/api/v2", number, timeout=5)

    assert reason.startswith(("TLS failed: ", "the connection was closed", "no listing in time"))


ANSWERS: list[tuple[bytes, str]] = [
    (b"", "the connection was closed"),
    (b"SSH-2.0-OpenSSH_9.6\r\n", "an answer that is not HTTP"),
    (b"HTTP/1.1 503 Gone\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}", "the portal answered 503"),
    (JSON + b"9\r\n\r\nnot json!", "the listing cannot be read: it is not JSON of a known shape"),
    (JSON + b"500\r\n\r\n[", "the answer was cut short"),
    (JSON.replace(b"application/json", b"text/html") + b"6\r\n\r\n<html>", "the portal answered with its own page"),
]


@pytest.mark.parametrize(("answer", "words"), ANSWERS, ids=[words for _, words in ANSWERS])
async def test_an_answer_that_is_none(number: str, answer: bytes, words: str) -> None:
    async with answering(answer) as port:
        reason, is_blamed = await reason_at(f"http://127.0.0.1:{port}/api/v2", number)

    assert words in reason
    assert is_blamed


async def test_a_listing_that_does_not_come(number: str) -> None:
    hung_up = asyncio.Event()

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    async with asyncio.timeout(20):
        server = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reason = await reason_at(f"http://127.0.0.1:{port}/api/v2", number, timeout=0.2)
        await hung_up.wait()
        server.close()

    assert reason == ("no listing in time", True)
