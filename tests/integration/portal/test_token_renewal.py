"""The call that renews the access token, with a token endpoint that responds in every way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from service.portal.errors import Unauthorized, Unavailable
from service.portal.token import RenewedTokens, renew

RENEWED = b'{"access_token":"new","expires_in":28800,"refresh_token":"rotated","token_type":"Bearer"}'
Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes, status: str = "200 OK") -> Script:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    return send


async def in_two_pieces(writer: asyncio.StreamWriter) -> None:
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(RENEWED)}\r\n\r\n".encode() + RENEWED[:30])
    await writer.drain()
    await asyncio.sleep(0.05)  # the client has to see the first piece alone
    writer.write(RENEWED[30:])


@asynccontextmanager
async def endpoint(script: Script) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A token endpoint that follows a script, and the requests that it got."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        asked.append(await reader.readexactly(length))
        await script(writer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token", asked


async def renewed(script: Script) -> tuple[RenewedTokens, list[bytes]]:
    async with endpoint(script) as (url, asked), aiohttp.ClientSession() as session:
        tokens = await renew(session, url=url, client_id="portal", refresh_token="old")
        return tokens, asked


@pytest.mark.parametrize("script", [answer(RENEWED), in_two_pieces])
async def test_a_refresh_token_is_exchanged_however_the_answer_arrives(script: Script) -> None:
    tokens, asked = await renewed(script)

    assert tokens == RenewedTokens("new", 28800.0, "rotated")
    assert asked == [b"grant_type=refresh_token&client_id=portal&refresh_token=old"]


async def test_what_the_answer_leaves_out_has_its_default() -> None:
    tokens, _ = await renewed(answer(b'{"access_token":"new"}'))

    assert tokens == RenewedTokens("new")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"access_token":"new","expires_in":null,"refresh_token":"rotated"}', RenewedTokens("new", 300.0, "rotated")),
        (
            b'{"access_token":"new","expires_in":"600","refresh_token":"rotated"}',
            RenewedTokens("new", 600.0, "rotated"),
        ),
        (b'{"access_token":"new","expires_in":true,"refresh_token":""}', RenewedTokens("new", 5.0)),
        (b'{"access_token":"new","expires_in":{},"refresh_token":7}', RenewedTokens("new")),
        (b'{"access_token":"n w","expires_in":60,"refresh_token":"rotated"}', RenewedTokens(None, 60.0, "rotated")),
        (b'{"access_token":null,"refresh_token":"rotated"}', RenewedTokens(None, 300.0, "rotated")),
    ],
)
async def test_one_odd_member_does_not_cost_the_refresh_token(body: bytes, expected: RenewedTokens) -> None:
    tokens, _ = await renewed(answer(body))

    assert tokens == expected


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized"])
async def test_a_refresh_token_that_is_refused_is_dead(status: str) -> None:
    with pytest.raises(Unauthorized):
        await renewed(answer(b'{"error":"invalid_grant"}', status))


@pytest.mark.parametrize(
    "script",
    [
        answer(RENEWED, "500 Internal Server Error"),
        answer(RENEWED, "302 Found"),
        answer(b""),
        answer(b"<html>"),
        answer(b"{}"),
        answer(b'{"access_token":1}'),
        answer(b'{"access_token":"\xff"}'),
        answer(b"[" * 10_000),
        answer(b" " * 300_000),
    ],
)
async def test_any_other_answer_says_nothing_about_the_refresh_token(script: Script) -> None:
    with pytest.raises(Unavailable) as error:
        await renewed(script)

    assert not isinstance(error.value, Unauthorized)
    assert "old" not in str(error.value)
