"""The client of webhooks with good and bad receivers on real sockets."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import AddrInfoType

from service.webhooks.addresses.guard import AddressGuard, check_url
from service.webhooks.addresses.policy import AddressPolicy, UrlRule
from service.webhooks.addresses.resolver import LookupFailed, NameNotFound
from service.webhooks.client import GuardedClient, guarded_session
from service.webhooks.outcome import OutcomeKind

PUBLIC = "93.184.215.14"
THIS_MACHINE = AddressPolicy.development(allow_private_hosts=True)
HEADERS = {"webhook-id": "msg_1", "Content-Type": "application/json"}
TARGET = "/%2Fa/../%7e//?sp=%2Fa%2Fb&sig=x%2By%2C%3D&%zz={|}&a=+%20&x=?"  # what receivers sign
EMPTY_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@dataclass
class FakeNames:
    """Returns these results of lookups in turn, and then the last one again and again."""

    answers: list[Sequence[str] | OSError]
    is_up: bool = True

    async def addresses(self, _host: str) -> Sequence[str]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer

    async def is_working(self) -> bool:
        return self.is_up


@dataclass
class Receiver:
    """A server on this machine, and the requests that reached it."""

    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    received: asyncio.Event = field(default_factory=asyncio.Event)  #: set once a whole request is there
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the client has ended a connection."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@asynccontextmanager
async def receiver(answer: bytes = EMPTY_OK) -> AsyncIterator[Receiver]:
    """Listen on a port of this machine, read whole requests, and send each the same response, or none."""
    state = Receiver(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
            state.requests.append(head + await reader.readexactly(length))
            state.received.set()
            writer.write(answer)
            await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            state.closed.set()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    state.port = server.sockets[0].getsockname()[1]
    async with server:
        yield state


def client(
    names: FakeNames | None = None, *, policy: AddressPolicy = THIS_MACHINE, timeout: float = 60
) -> GuardedClient:
    return GuardedClient(policy, names or FakeNames([["127.0.0.1"]]), timeout=timeout)


def production_on(port: int) -> AddressPolicy:
    """The production policy, except for a port and a scheme that a test can use."""
    return AddressPolicy(
        require_https=False,
        allowed_ports=frozenset({port}),
        allowed_hosts=frozenset(),
        own_hosts=frozenset(),
        allow_private_hosts=False,
    )


# What is sent


async def test_a_webhook_arrives_as_it_was_made_and_asks_for_an_answer_that_is_not_compressed() -> None:
    async with receiver() as there:
        outcome = await client().post(there.url + TARGET, b'{"a":1}', HEADERS)

    head, _, body = there.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert (outcome.kind, outcome.status_code, outcome.error) == (OutcomeKind.DELIVERED, 200, None)
    assert lines[0] == f"POST /hook{TARGET} HTTP/1.1"
    assert body == b'{"a":1}'
    assert {"webhook-id: msg_1", "Content-Type: application/json"} <= set(lines)
    assert {"Accept-Encoding: identity", "Connection: close"} <= set(lines)
    assert not any(line.lower().startswith(("cookie", "authorization")) for line in lines)


async def test_connections_are_neither_kept_nor_shared() -> None:
    async with receiver(EMPTY_OK.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")) as there:
        sender = client()
        await sender.post(there.url, b"{}", HEADERS)
        await there.closed.wait()
        await sender.post(there.url, b"{}", HEADERS)

    assert there.connections == 2


async def test_cookies_are_not_given_back_even_within_a_session() -> None:
    async with receiver(EMPTY_OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n\r\n")) as there:
        url = f"http://hooks.example.com:{there.port}/"
        async with guarded_session(AddressGuard(THIS_MACHINE), FakeNames([["127.0.0.1"]])) as session:
            (await session.post(url)).close()
            (await session.post(url)).close()

    assert b"a=b" not in there.requests[1]


async def test_a_compressed_answer_is_handed_over_as_it_came() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip"
    session = guarded_session(AddressGuard(THIS_MACHINE), FakeNames([["127.0.0.1"]]))
    async with receiver(answer) as there, session:
        assert await (await session.post(there.url)).read() == b"not gzip"


async def test_proxies_and_credentials_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    async with receiver() as proxy, receiver() as there:
        monkeypatch.setenv("NETRC", str(netrc))
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        outcome = await client().post(there.url, b"{}", HEADERS)

    assert outcome.is_delivered
    assert (proxy.connections, there.connections) == (0, 1)
    assert b"authorization" not in there.requests[0].lower()


# What is refused


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "①②⑦.0.0.1", "localhost"])
async def test_a_private_address_is_refused_before_anything_is_connected(host: str) -> None:
    async with receiver() as there:
        refused = await client(policy=production_on(there.port)).post(f"http://{host}:{there.port}/", b"{}", HEADERS)
        assert there.connections == 0
        # The counter does count.
        await client().post(there.url, b"{}", HEADERS)
        assert there.connections == 1

    assert (refused.kind, refused.rule is None) == (OutcomeKind.REFUSED_ADDRESS, False)
    assert refused.error == "Webhooks are not sent to this URL."


async def test_a_name_that_was_public_when_given_and_is_private_when_called_is_refused() -> None:
    names = FakeNames([[PUBLIC], ["127.0.0.1"]])
    async with receiver() as there:
        policy = production_on(there.port)
        url = await check_url(f"http://rebind.attacker.example:{there.port}/", policy, names)
        outcome = await client(names, policy=policy).post(url, b"{}", HEADERS)

    assert (outcome.kind, outcome.rule) == (OutcomeKind.REFUSED_ADDRESS, UrlRule.ADDRESS_NOT_PUBLIC)
    assert there.connections == 0


@pytest.mark.parametrize("answers", [[PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["2606:4700::1", "::1"], ["::1%1"]])
async def test_one_private_answer_refuses_the_whole_name(answers: list[str]) -> None:
    async with receiver() as there:
        sender = client(FakeNames([answers]), policy=production_on(there.port))
        outcome = await sender.post(f"http://mix.attacker.example:{there.port}/", b"{}", HEADERS)

    assert (outcome.kind, outcome.rule) == (OutcomeKind.REFUSED_ADDRESS, UrlRule.ADDRESS_NOT_PUBLIC)
    assert there.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:7f00:1]", "①②⑦.0.0.1"])
async def test_the_socket_has_the_last_word_where_the_url_was_not_checked(host: str) -> None:
    async with receiver() as there:
        guard = AddressGuard(production_on(there.port))
        async with guarded_session(guard, FakeNames([[PUBLIC]])) as session:
            with pytest.raises(OSError, match="Cannot connect"):
                await session.post(f"http://{host}:{there.port}/")

    assert guard.has_refused
    assert there.connections == 0


async def test_the_policy_of_today_decides_about_the_url_of_yesterday() -> None:
    async with receiver() as there:
        outcome = await client(policy=AddressPolicy.production(own_hosts=[])).post(there.url, b"{}", HEADERS)

    assert (outcome.kind, outcome.rule) == (OutcomeKind.REFUSED_ADDRESS, UrlRule.SCHEME)
    assert there.connections == 0


# Names that do not resolve


async def test_a_name_without_an_address_is_the_receivers_fault() -> None:
    for answer in (NameNotFound(), ()):
        outcome = await client(FakeNames([answer])).post("https://empty.attacker.example/", b"{}", HEADERS)
        assert outcome.kind is OutcomeKind.NAME_NOT_FOUND


async def test_a_lookup_that_fails_is_our_fault_only_while_no_lookup_works() -> None:
    for is_up, kind in ((True, OutcomeKind.NAME_NOT_FOUND), (False, OutcomeKind.RESOLVER_UNAVAILABLE)):
        names = FakeNames([LookupFailed()], is_up=is_up)
        assert (await client(names).post("https://hooks.example.com/", b"{}", HEADERS)).kind is kind


async def test_a_lookup_that_the_deadline_cuts_off_is_one_that_failed() -> None:
    class Silent(FakeNames):
        async def addresses(self, _host: str) -> Sequence[str]:
            await asyncio.Event().wait()
            return []

    outcome = await client(Silent([[]], is_up=False), timeout=0.05).post("https://hooks.example.com/", b"{}", HEADERS)

    assert outcome.kind is OutcomeKind.RESOLVER_UNAVAILABLE


# Connections that fail


async def test_a_closed_port_is_a_connection_that_failed() -> None:
    async with receiver() as there:
        pass

    assert (await client().post(there.url, b"{}", HEADERS)).kind is OutcomeKind.CONNECT_FAILED


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    async with receiver() as there:
        sender = client(FakeNames([["::1", "127.0.0.2", "127.0.0.1"]]))
        outcome = await sender.post(f"http://hooks.example.com:{there.port}/", b"{}", HEADERS)

    assert outcome.is_delivered


@pytest.mark.parametrize(
    ("code", "addresses", "kind"),
    [
        (errno.ENETUNREACH, ["127.0.0.1"], OutcomeKind.NETWORK_UNAVAILABLE),
        (errno.ENETUNREACH, ["127.0.0.1", "::1"], OutcomeKind.NETWORK_UNAVAILABLE),
        (errno.EADDRNOTAVAIL, ["127.0.0.1"], OutcomeKind.NETWORK_UNAVAILABLE),
        (errno.ENETUNREACH, ["::1"], OutcomeKind.CONNECT_FAILED),
        (errno.EHOSTUNREACH, ["127.0.0.1"], OutcomeKind.CONNECT_FAILED),
    ],
)
async def test_a_machine_without_a_network_blames_itself(
    monkeypatch: pytest.MonkeyPatch, code: int, addresses: list[str], kind: OutcomeKind
) -> None:
    class Unreachable(socket.socket):
        def connect(self, _: object) -> None:
            raise OSError(code, "no way there")

    open_socket = AddressGuard.open_socket

    def open_unreachable(self: AddressGuard, target: AddrInfoType) -> socket.socket:
        open_socket(self, target).close()
        return Unreachable(target[0], target[1])

    monkeypatch.setattr(AddressGuard, "open_socket", open_unreachable)
    outcome = await client(FakeNames([addresses])).post("http://hooks.example.com/", b"{}", HEADERS)

    assert (outcome.kind, outcome.is_local_failure) == (kind, kind is OutcomeKind.NETWORK_UNAVAILABLE)


async def test_a_cancelled_post_is_cancelled_and_ends_its_connection() -> None:
    async with receiver(answer=b"") as there:
        task = asyncio.create_task(client().post(there.url, b"{}", HEADERS))
        await there.received.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await there.closed.wait()
