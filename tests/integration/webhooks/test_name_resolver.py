"""Lookups with a DNS server of the test: what is found, what is not, and who caused a failure."""

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import cast

import pytest

from service.webhooks.addresses import resolver
from service.webhooks.addresses.resolver import DnsResolver, LookupFailed, NameNotFound

A, NS, AAAA = 1, 2, 28
NO_ERROR, SERVER_FAILURE, NO_SUCH_NAME, REFUSED = 0, 2, 3, 5


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow server is not taken for one that does not respond; only given budgets run out."""
    monkeypatch.setattr(resolver, "_PROBE_SECONDS", 60.0)
    monkeypatch.setattr(resolver, "_TRY_SECONDS", 60.0)


class DnsServer(asyncio.DatagramProtocol):
    """Returns the addresses of a name, an error code, or (None) nothing; other names do not exist."""

    def __init__(self, names: Mapping[str, Sequence[str] | int | None]) -> None:
        self.names = names
        self.asked: list[str] = []
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, since the transports of asyncio do not derive from the class that describes them.
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, question = question_of(data)
        self.asked.append(name)
        answer = self.names.get(name, NO_SUCH_NAME)
        if answer is not None and self.transport is not None:
            self.transport.sendto(reply(data[:2], question, answer), addr)


def question_of(query: bytes) -> tuple[str, bytes]:
    """The name asked for, and the question section with it."""
    labels, position = [], 12
    while query[position]:
        end = position + 1 + query[position]
        labels.append(query[position + 1 : end].decode())
        position = end
    return ".".join(labels).lower(), query[12 : position + 5]


def reply(query_id: bytes, question: bytes, answer: Sequence[str] | int) -> bytes:
    """A response with the addresses of the type asked for, or a name server of that name, or an error code."""
    kind = struct.unpack("!H", question[-4:-2])[0]
    addresses = [] if isinstance(answer, int) else [ip_address(text) for text in answer]
    records = [a.packed for a in addresses if kind == (A if a.version == 4 else AAAA)]
    if kind == NS and not isinstance(answer, int):
        records = [b"\x01a\x00"]
    flags = 0x8180 | (answer if isinstance(answer, int) else NO_ERROR)
    head = query_id + struct.pack("!5H", flags, 1, len(records), 0, 0)
    return head + question + b"".join(struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(r)) + r for r in records)


@asynccontextmanager
async def dns(
    names: Mapping[str, Sequence[str] | int | None], timeout: float = 60
) -> AsyncIterator[tuple[DnsResolver, DnsServer]]:
    """A server with these names and a resolver that asks it."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: DnsServer(names), ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        async with DnsResolver(nameservers=[f"127.0.0.1:{port}"], timeout=timeout) as resolver:
            yield resolver, server
    finally:
        transport.close()


async def test_all_addresses_of_a_name_are_found() -> None:
    addresses = ["93.184.215.14", "10.0.0.5", "2606:4700:4700::1111", "::ffff:10.0.0.5"]
    async with dns({"mix.example": addresses}) as (resolver, _):
        found = await resolver.addresses("mix.example")

    assert {ip_address(text) for text in found} == {ip_address(text) for text in addresses}


@pytest.mark.parametrize("answer", [NO_SUCH_NAME, []])
async def test_a_name_that_does_not_exist_or_has_no_address_is_not_found(answer: Sequence[str] | int) -> None:
    async with dns({"gone.example": answer}) as (resolver, _):
        with pytest.raises(NameNotFound):
            await resolver.addresses("gone.example")


async def test_a_name_that_is_no_dns_name_is_not_found() -> None:
    async with dns({}) as (resolver, server):
        with pytest.raises(NameNotFound):
            await resolver.addresses("a" * 64 + ".example")
        assert server.asked == []


@pytest.mark.parametrize("code", [SERVER_FAILURE, REFUSED])
async def test_a_name_whose_servers_fail_leaves_the_resolver_working(code: int) -> None:
    async with dns({"broken.example": code, "": []}) as (resolver, _):
        with pytest.raises(LookupFailed):
            await resolver.addresses("broken.example")
        assert await resolver.is_working()


async def test_a_name_that_gets_no_answer_fails_within_the_budget_and_leaves_the_resolver_working() -> None:
    async with dns({"slow.example": None, "": []}, timeout=0.1) as (resolver, _):
        with pytest.raises(LookupFailed):
            await resolver.addresses("slow.example")
        assert await resolver.is_working()


async def test_a_server_that_fails_for_the_root_as_well_is_not_working() -> None:
    async with dns({"hooks.example": SERVER_FAILURE, "": SERVER_FAILURE}) as (resolver, _):
        with pytest.raises(LookupFailed):
            await resolver.addresses("hooks.example")
        assert not await resolver.is_working()


async def test_without_a_server_lookups_fail_and_the_resolver_is_not_working() -> None:
    async with dns({}) as (_, server):
        assert server.transport is not None
        port = server.transport.get_extra_info("sockname")[1]
    async with DnsResolver(nameservers=[f"127.0.0.1:{port}"]) as resolver:
        with pytest.raises(LookupFailed):
            await resolver.addresses("hooks.example")
        assert not await resolver.is_working()


async def test_a_server_that_died_after_it_answered_is_not_taken_for_a_working_one() -> None:
    names: dict[str, Sequence[str] | int | None] = {"hooks.example": ["93.184.215.14"], "": []}
    async with dns(names) as (resolver, _):
        assert await resolver.is_working()
        names[""] = SERVER_FAILURE
        assert not await resolver.is_working()


async def test_the_search_domains_of_the_machine_do_not_complete_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALDOMAIN", "corp.example")
    async with dns({"hooks.example.corp.example": ["10.0.0.5"], "hooks.corp.example": ["10.0.0.5"]}) as (
        resolver,
        server,
    ):
        for name in ("hooks.example", "hooks"):
            with pytest.raises(NameNotFound):
                await resolver.addresses(name)

    assert set(server.asked) == {"hooks.example", "hooks"}


async def test_this_machine_is_found_without_asking_a_server() -> None:
    async with dns({}) as (resolver, server):
        assert set(await resolver.addresses("localhost")) <= {"127.0.0.1", "::1"}
        assert server.asked == []
