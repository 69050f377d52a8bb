"""No spelling, no name and no DNS answer leads a webhook to an address that is not public."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path

import aiohttp
import pytest
from aiohttp import AddrInfoType
from hypothesis import given, settings
from hypothesis import strategies as st

from service.webhooks.addresses.guard import AddressGuard, AddressRefused, VettingResolver, check_url
from service.webhooks.addresses.networks import is_private, is_public, parse_address
from service.webhooks.addresses.policy import AddressPolicy, InvalidWebhookUrl, UrlRule
from service.webhooks.addresses.resolver import LookupFailed, NameNotFound
from service.webhooks.client import guarded_session

PRODUCTION = AddressPolicy.production(own_hosts=["api.self.example", "münchen-api.example"])
PUBLIC = "93.184.215.14"


class FakeNames:
    """Gives the same addresses, or raises the same error, for every name."""

    def __init__(self, answer: Sequence[str] | OSError) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer

    async def is_working(self) -> bool:
        return True


def cases() -> list[tuple[str, str, str, str]]:
    """Verdict, answers of the DNS, URL and reason of every line of the fixture."""
    lines = Path(__file__).with_name("webhook_urls.txt").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [(verdict, dns, url.encode().decode("unicode_escape"), why) for verdict, dns, url, why in rows]


@pytest.mark.parametrize(("verdict", "dns", "url", "why"), cases())
async def test_the_production_policy_decides_as_written_down(verdict: str, dns: str, url: str, why: str) -> None:
    first_answer = dns.partition(" then ")[0]
    names = FakeNames(NameNotFound() if first_answer == "-" else first_answer.split(";"))

    if verdict == "accept" or verdict.startswith("call:"):
        assert (await check_url(url, PRODUCTION, names)).startswith("https://"), why
        return
    with pytest.raises(InvalidWebhookUrl) as refusal:
        await check_url(url, PRODUCTION, names)
    assert refusal.value.rule.value == verdict, why


@pytest.mark.parametrize("error", [NameNotFound(), LookupFailed()])
async def test_a_name_that_does_not_resolve_is_accepted_when_given(error: OSError) -> None:
    assert await check_url("https://hooks.example.com", PRODUCTION, FakeNames(error)) == "https://hooks.example.com/"


async def test_the_canonical_name_is_what_is_resolved() -> None:
    names = FakeNames([PUBLIC])

    await check_url("https://MÜNCHEN.example./hook", PRODUCTION, names)

    assert names.asked == ["xn--mnchen-3ya.example"]


async def test_a_refused_url_is_never_a_question_for_the_dns() -> None:
    names = FakeNames([PUBLIC])

    for url in ("https://0x7f.1/", "https://127.1/", "https://localhost/", "https://8.8.8.8/"):
        try:
            await check_url(url, PRODUCTION, names)
        except InvalidWebhookUrl:
            continue

    assert names.asked == []


# Every spelling of an address that must not be reached

DANGEROUS = st.one_of(
    st.just(IPv4Address("127.0.0.1")),
    st.just(IPv4Address("169.254.169.254")),
    st.just(IPv4Address(0)),
    st.sampled_from(["100.100.100.200", "168.63.129.16", "192.0.0.192", "0.1.2.3"]).map(IPv4Address),
    st.sampled_from(["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"])
    .map(IPv4Network)
    .flatmap(lambda network: st.integers(int(network[0]), int(network[-1])))
    .map(IPv4Address),
)
# Full-width, mathematical, Arabic-Indic, Devanagari and circled digits, each by its zero or its one.
DIGITS = "0123456789"
DIGIT_FORMS = [
    DIGITS,
    *("".join(chr(zero + n) for n in range(10)) for zero in (0xFF10, 0x1D7CE, 0x0660, 0x0966)),
    "\u24ea" + "".join(chr(0x2460 + n) for n in range(9)),
]
DOTS = [".", "\u3002", "\uff0e", "\uff61", "%2e", "%2E"]
NOISE = ["", "\u200b", "\u00ad", "\u2060", "\ufe0f", "\t", "\n", " ", "%00", "%20"]
RADICES: list[Callable[[int], str]] = [
    str,
    hex,
    "0{:o}".format,
    "{:#X}".format,
    "{:03d}".format,
    "{:012d}".format,
    "0x{:08x}".format,
]


@st.composite
def spelled_ipv4(draw: st.DrawFn, addresses: st.SearchStrategy[IPv4Address] = DANGEROUS) -> str:
    """One to four parts, each in a radix of its own, with other digits, other dots and invisible characters."""
    octets = draw(addresses).packed
    count = draw(st.integers(1, 4))
    numbers = [*octets[: count - 1], int.from_bytes(octets[count - 1 :])]
    parts = [draw(st.sampled_from(RADICES))(number) for number in numbers]
    digits = draw(st.sampled_from(DIGIT_FORMS))
    text = draw(st.sampled_from(DOTS)).join(parts).translate(str.maketrans(DIGITS, digits))
    position = draw(st.integers(0, len(text)))
    end = draw(st.sampled_from(["", ".", "..", "\u3002"]))
    return text[:position] + draw(st.sampled_from(NOISE)) + text[position:] + end


EMBEDDINGS: dict[str, Callable[[int], int]] = {
    "mapped": lambda v4: 0xFFFF << 32 | v4,
    "compatible": lambda v4: v4,
    "translated": lambda v4: 0xFFFF << 48 | v4,
    "NAT64": lambda v4: 0x0064_FF9B << 96 | v4,
    "local NAT64": lambda v4: 0x0064_FF9B_0001 << 80 | v4,
    "6to4": lambda v4: 0x2002 << 112 | v4 << 80 | 1,
    "Teredo server": lambda v4: 0x2001_0000 << 96 | v4 << 64,
    "Teredo client": lambda v4: 0x2001_0000 << 96 | (v4 ^ 0xFFFF_FFFF),
    "ISATAP": lambda v4: 0xFE80 << 112 | 0x5EFE << 32 | v4,
    "ISATAP below a public prefix": lambda v4: 0x2606_4700 << 96 | 0x0200_5EFE << 32 | v4,
    "unique local": lambda v4: 0xFD00 << 112 | v4,
}


@st.composite
def embedded_ipv4(draw: st.DrawFn) -> str:
    """An IPv6 address that carries a dangerous IPv4 address, in one of its notations."""
    address = IPv6Address(draw(st.sampled_from(sorted(EMBEDDINGS)).map(EMBEDDINGS.__getitem__))(int(draw(DANGEROUS))))
    words = address.exploded.split(":")
    dotted = ":".join(words[:6]) + ":" + str(IPv4Address(int(address) & 0xFFFF_FFFF))
    unpadded = ":".join(word.lstrip("0") or "0" for word in words)
    text = draw(st.sampled_from([address.compressed, address.exploded, dotted, unpadded]))
    zone = draw(st.sampled_from(["", "", "%25lo", "%1"]))
    return "[" + draw(st.sampled_from([text, text.upper()])) + zone + "]"


@st.composite
def dangerous_urls(draw: st.DrawFn) -> str:
    """A URL with such a host, with and without the tricks that make parsers disagree about it."""
    host = draw(st.one_of(spelled_ipv4(), embedded_ipv4(), DANGEROUS.map(str), st.just("[::1]")))
    before = draw(st.sampled_from(["", "", "", "example.com@", "example.com:443@", "example.com\\@", "a%40b@"]))
    port = draw(st.sampled_from(["", ":443", ":8443", ":0443", ":\u0664\u0664\u0663"]))
    after = draw(st.sampled_from(["/", "/hook", "", "?@example.com/", "#@example.com/", "\\@example.com/"]))
    scheme = draw(st.sampled_from(["https://", "HTTPS://", "https:/", "https:///", " https://", "https:\\\\"]))
    return f"{scheme}{before}{host}{port}{after}"


@given(dangerous_urls())
@settings(max_examples=1000, deadline=None)
async def test_no_spelling_of_an_internal_address_passes(url: str) -> None:
    # The DNS answer is public, so a refusal is for the form of the URL.
    with pytest.raises(InvalidWebhookUrl):
        await check_url(url, PRODUCTION, FakeNames([PUBLIC]))


class WatchedGuard(AddressGuard):
    """Counts the sockets that were created."""

    opened = 0

    def open_socket(self, target: AddrInfoType) -> socket.socket:
        made = super().open_socket(target)
        self.opened += 1
        return made


@given(dangerous_urls())
@settings(max_examples=500, deadline=None)
async def test_none_of_these_spellings_opens_a_socket_even_where_the_url_was_not_checked(url: str) -> None:
    guard = WatchedGuard(PRODUCTION)

    async with guarded_session(guard, FakeNames(["127.0.0.1"])) as session:
        with pytest.raises((aiohttp.ClientError, ValueError)):
            await session.post(url, allow_redirects=False)
    assert guard.opened == 0


@given(st.one_of(DANGEROUS.map(str), embedded_ipv4().map(lambda text: text[1:-1].replace("%25", "%"))))
@settings(max_examples=500, deadline=None)
async def test_no_internal_address_passes_as_an_answer_or_as_a_socket(address: str) -> None:
    guard = AddressGuard(PRODUCTION)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    with pytest.raises(AddressRefused):
        await VettingResolver(FakeNames([PUBLIC, address]), guard).resolve("hooks.example.com", 443)
    with pytest.raises(AddressRefused):
        guard.open_socket((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443)))
    assert guard.has_refused


@given(st.ip_addresses(v=4))
@settings(deadline=None)
def test_an_ipv4_address_is_judged_alike_inside_ipv6(address: IPv4Address) -> None:
    for name in ("mapped", "NAT64"):
        assert is_public(IPv6Address(EMBEDDINGS[name](int(address)))) == is_public(address)


@given(st.ip_addresses())
@settings(max_examples=500, deadline=None)
def test_the_table_of_networks_never_allows_more_than_the_library(address: IPv4Address | IPv6Address) -> None:
    carries_ipv4 = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    assert address.is_global or carries_ipv4 or not is_public(address)
    assert not (is_public(address) and is_private(address))


# The two layers below the URL


@pytest.mark.parametrize(
    "sockaddr",
    [("127.1", 443), ("2130706433", 443), ("localhost", 443), ("", 443), ("2606:4700::1", 443, 0, 2), ("8.8.8.8%1", 1)],
)
def test_a_socket_is_opened_only_for_an_address_in_its_standard_notation(sockaddr: tuple[str | int, ...]) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard(PRODUCTION).open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", sockaddr))


def test_a_socket_for_a_public_address_is_opened() -> None:
    guard = AddressGuard(PRODUCTION)

    with guard.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (PUBLIC, 443))) as opened:
        assert opened.family == socket.AF_INET
    assert guard.has_dialled_ipv4
    assert not guard.has_refused


async def test_public_answers_are_handed_to_the_client_as_numbers() -> None:
    guard = AddressGuard(PRODUCTION)
    answers = await VettingResolver(FakeNames([PUBLIC, "2606:4700:4700::1111"]), guard).resolve("a.example", 8443)

    assert [(a["hostname"], a["host"], a["port"], a["family"]) for a in answers] == [
        ("a.example", PUBLIC, 8443, socket.AF_INET),
        ("a.example", "2606:4700:4700::1111", 8443, socket.AF_INET6),
    ]
    assert guard.lookup_error is None


@pytest.mark.parametrize("answer", [NameNotFound(), LookupFailed(), []])
async def test_a_lookup_without_addresses_is_remembered(answer: Sequence[str] | OSError) -> None:
    guard = AddressGuard(PRODUCTION)

    with pytest.raises((NameNotFound, LookupFailed)):
        await VettingResolver(FakeNames(answer), guard).resolve("a.example", 443)
    assert isinstance(guard.lookup_error, type(answer) if isinstance(answer, OSError) else NameNotFound)
    assert not guard.has_refused


def test_a_refusal_by_the_socket_does_not_name_the_address() -> None:
    with pytest.raises(AddressRefused) as refusal:
        AddressGuard(PRODUCTION).check_addresses(["10.1.2.3"])
    assert "10.1" not in str(refusal.value)
    assert UrlRule.ADDRESS_NOT_PUBLIC not in str(refusal.value)


@pytest.mark.parametrize("text", ["fe80::1%eth0", "127.0.0.1 ", "0127.0.0.1", "1.2.3", "\u0661.1.1.1", "[::1]", ""])
def test_an_address_in_another_notation_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_address(text)
