"""The client of webhooks and responses: good, bad, late, endless, or with a wrong certificate."""

import asyncio
import gzip
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from service.webhooks.addresses.policy import AddressPolicy
from service.webhooks.client import GuardedClient
from service.webhooks.outcome import OutcomeKind, PostOutcome
from tests.support.deliveries.deliveries import ThisMachine
from tests.support.loop_clock import running_loop_clock

CERTIFICATE = Path(__file__).with_name("receiver_tls.pem")

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def receiver(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Listen, let the function handle each connection, and return the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def with_bytes(answer: bytes, *, then_close: bool = True) -> Answer:
    """Respond to a request without a body, and close the connection or leave that to the client."""

    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if not then_close:
            await reader.read()

    return write


async def post(answer: Answer | bytes, *, timeout: float = 60, body: bytes = b"") -> PostOutcome:
    """Send one webhook to a receiver that responds in this way."""
    policy = AddressPolicy.development(allow_private_hosts=True)
    async with receiver(with_bytes(answer) if isinstance(answer, bytes) else answer) as port:
        sender = GuardedClient(policy, ThisMachine(), timeout=timeout)
        return await sender.post(f"http://hooks.example.com:{port}/hook", body, {})


def response(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content", "299 Whatever"])
async def test_every_2xx_is_a_delivery(status: str) -> None:
    outcome = await post(response(status))

    assert (outcome.kind, outcome.status_code) == (OutcomeKind.DELIVERED, int(status[:3]))


@pytest.mark.parametrize(
    "status", ["304 Not Modified", "400 Bad", "404 No", "410 Gone", "413 Large", "500 Oh", "999 X"]
)
async def test_any_other_status_is_told_as_it_is(status: str) -> None:
    outcome = await post(response(status, body=b"why not" if not status.startswith("304") else b""))

    assert (outcome.kind, outcome.status_code) == (OutcomeKind.STATUS, int(status[:3]))
    assert outcome.error == f"The host answered {status[:3]}."


async def test_an_answer_is_kept_as_one_line() -> None:
    assert (await post(response("500 Oh", body=b"no\r\nspace \x1b[1mleft\x00"))).excerpt == "no  space [1mleft"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_names_only_its_host(status: int) -> None:
    connections = 0

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        address = writer.get_extra_info("sockname")
        answer = response(f"{status} Elsewhere", f"Location: http://localhost:{address[1]}/second?token=1")
        await with_bytes(answer)(reader, writer)

    outcome = await post(redirect)

    assert (outcome.kind, outcome.status_code) == (OutcomeKind.REDIRECT, status)
    assert outcome.location_host == "localhost"
    assert "token" not in (outcome.error or "")
    assert connections == 1


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("/other", "hooks.example.com"),
        ("//www.example.com/x", "www.example.com"),
        ("https://user:password@www.example.com/", "www.example.com"),
        ("https://169.254.169.254/latest", "169.254.169.254"),
        ("https://[::1", None),
        ("", "hooks.example.com"),
    ],
)
async def test_the_host_of_a_location_is_read_whatever_its_form(location: str, host: str | None) -> None:
    assert (await post(response("307 Elsewhere", f"Location: {location}"))).location_host == host


async def test_a_refresh_header_is_not_interpreted() -> None:
    body = b'<meta http-equiv="refresh" content="0;url=https://169.254.169.254/">'
    outcome = await post(response("200 OK", "Refresh: 0; url=https://169.254.169.254/", body=body))

    assert (outcome.kind, outcome.location_host) == (OutcomeKind.DELIVERED, None)


async def test_retry_after_is_kept_in_seconds() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)

    assert (await post(response("429 Slow", "Retry-After: 90"))).retry_after_seconds == 90
    assert 3500 < ((await post(response("503 Later", f"Retry-After: {later}"))).retry_after_seconds or 0) <= 3600
    assert (await post(response("503 Later", "Retry-After: soon"))).retry_after_seconds is None
    assert (await post(response("503 Later"))).retry_after_seconds is None


async def test_an_endless_answer_is_cut_and_does_not_change_its_status() -> None:
    written = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"a" * 4096)
            await writer.drain()
            written += 4096

    outcome = await post(flood)

    assert (outcome.kind, outcome.excerpt) == (OutcomeKind.DELIVERED, "a" * 1024)
    # Not endless: as much as the buffers of both ends hold.
    assert written < 32 * 1024 * 1024


async def test_a_compressed_answer_leaves_no_excerpt() -> None:
    bomb = gzip.compress(b"a" * 10_000_000)
    outcome = await post(response("200 OK", "Content-Encoding: gzip", body=bomb))

    assert (outcome.kind, outcome.excerpt) == (OutcomeKind.DELIVERED, "")


@pytest.mark.parametrize("status", ["200 OK", "500 Oh"])
async def test_a_body_that_drips_does_not_change_the_status_that_came_in_time(status: str) -> None:
    drip = f"HTTP/1.1 {status}\r\nContent-Length: 100\r\n\r\nfirst".encode()
    with running_loop_clock():
        outcome = await post(with_bytes(drip, then_close=False), timeout=0.5)

    assert (outcome.status_code, outcome.excerpt) == (int(status[:3]), "first")
    assert outcome.is_delivered is status.startswith("200")


@pytest.mark.parametrize("body", [b"Content-Length: 100\r\n\r\nfirst", b"Transfer-Encoding: chunked\r\n\r\n5\r\nfir"])
async def test_a_body_that_breaks_off_does_not_change_the_status(body: bytes) -> None:
    assert (await post(b"HTTP/1.1 200 OK\r\n" + body)).kind is OutcomeKind.DELIVERED


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nX-Header: and"])
async def test_a_status_line_or_header_that_does_not_come_is_a_timeout(beginning: bytes) -> None:
    outcome = await post(with_bytes(beginning, then_close=False), timeout=0.2)

    assert (outcome.kind, outcome.status_code) == (OutcomeKind.TIMEOUT, None)


async def test_interim_answers_do_not_extend_the_deadline() -> None:
    async def interim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0)

    assert (await post(interim, timeout=0.3)).kind is OutcomeKind.TIMEOUT


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 100_000 + b"\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/1.1 200",
    ],
)
async def test_what_is_not_http_is_told_as_such(answer: bytes) -> None:
    outcome = await post(answer)

    assert (outcome.kind, outcome.status_code) == (OutcomeKind.PROTOCOL_ERROR, None)


async def test_an_answer_that_comes_before_the_body_was_taken_is_not_lost() -> None:
    body = b"a" * 3_000_000

    assert (await post(response("413 Large"), body=body)).status_code == 413


# TLS


def tls_server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


async def post_https(host: str, trusted: ssl.SSLContext | None) -> tuple[PostOutcome, int]:
    """Send one webhook to a receiver with the certificate of the tests, and count its requests."""
    requests = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.write(response("200 OK"))

    policy = AddressPolicy.development(allow_private_hosts=True)
    async with receiver(count, tls_server()) as port:
        sender = GuardedClient(policy, ThisMachine(), timeout=60, tls=trusted)
        return await sender.post(f"https://{host}:{port}/", b"", {}), requests


async def test_a_certificate_that_is_trusted_and_valid_for_the_name_is_accepted() -> None:
    outcome, requests = await post_https("receiver.example", ssl.create_default_context(cafile=CERTIFICATE))

    assert (outcome.kind, requests) == (OutcomeKind.DELIVERED, 1)


@pytest.mark.parametrize("host", ["receiver.example", "127.0.0.1"])
async def test_a_certificate_that_nobody_signed_ends_the_connection_before_the_request(host: str) -> None:
    outcome, requests = await post_https(host, None)

    assert (outcome.kind, requests) == (OutcomeKind.TLS_FAILED, 0)


async def test_a_certificate_for_another_name_ends_the_connection_before_the_request() -> None:
    outcome, requests = await post_https("other.example", ssl.create_default_context(cafile=CERTIFICATE))

    assert (outcome.kind, requests) == (OutcomeKind.TLS_FAILED, 0)
    assert not re.search(r"127\.0|certificate verify", outcome.error or "")


async def test_a_server_without_tls_is_told_as_such() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(response("400 Bad Request", body=b"plain HTTP"))

    policy = AddressPolicy.development(allow_private_hosts=True)
    async with receiver(plain) as port:
        outcome = await GuardedClient(policy, ThisMachine()).post(f"https://hooks.example.com:{port}/", b"", {})

    assert outcome.kind is OutcomeKind.TLS_FAILED
