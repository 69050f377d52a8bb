"""Receivers on a private network: only those in the list may be called, in the form that it has."""

from collections.abc import Sequence

import pytest

from service.webhooks.addresses.guard import check_url
from service.webhooks.addresses.policy import AddressPolicy, InvalidWebhookUrl, UrlRule

LISTED = [
    "Hooks.Intra",
    "hooks.intra.example:9443",
    "http://legacy.intra.example:8080",
    "http://plain.example",
    "10.1.2.3",
    "[fd12:3456::1]:9443",
    "localhost",
    "127.0.0.1",
    "169.254.169.254",
    "api.self.example",
]
POLICY = AddressPolicy.production(own_hosts=["api.self.example"], private_hosts=LISTED)


class Names:
    """Returns the same addresses for every name."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def addresses(self, _host: str) -> Sequence[str]:
        return self._addresses

    async def is_working(self) -> bool:
        return True


async def rule_of(url: str, *addresses: str, policy: AddressPolicy = POLICY) -> UrlRule | None:
    try:
        await check_url(url, policy, Names(*addresses))
    except InvalidWebhookUrl as refusal:
        return refusal.rule
    return None


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.intra/a",
        "https://HOOKS.intra.:8443/a",
        "https://hooks.intra.example:9443/",
        "http://legacy.intra.example:8080/",
        "http://plain.example/",
        "https://10.1.2.3/",
        "https://[fd12:3456:0::1]:9443/",
    ],
)
@pytest.mark.parametrize("address", ["10.0.0.7", "172.16.1.1", "192.168.1.1", "fd12::7", "8.8.8.8", "::ffff:10.0.0.7"])
async def test_what_is_listed_may_be_on_a_private_network(url: str, address: str) -> None:
    assert await rule_of(url, address) is None


@pytest.mark.parametrize("url", ["https://hooks.intra/", "https://hooks.intra.example:9443/", "http://plain.example/"])
@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",  # noqa: S104  (refused)
        "::",
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "224.0.0.1",
        "ff02::1",
        "100.100.100.200",
        "168.63.129.16",
        "64:ff9b::a00:7",
        "255.255.255.255",
        "192.0.0.192",
    ],
)
async def test_this_machine_and_metadata_services_are_refused_whatever_is_listed(url: str, address: str) -> None:
    assert await rule_of(url, "10.0.0.7", address) is UrlRule.ADDRESS_NOT_PUBLIC


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("https://hooks.intra:9443/", UrlRule.PORT),
        ("http://hooks.intra/", UrlRule.SCHEME),
        ("https://other.intra/", UrlRule.PRIVATE_NAME),
        ("https://a.hooks.intra/", UrlRule.PRIVATE_NAME),
        ("https://hooks.intra.example/", UrlRule.ADDRESS_NOT_PUBLIC),
        ("https://legacy.intra.example:8080/", UrlRule.PORT),
        ("http://plain.example:8080/", UrlRule.SCHEME),
        ("https://other.example/", UrlRule.ADDRESS_NOT_PUBLIC),
        ("https://10.1.2.4/", UrlRule.ADDRESS_NOT_PUBLIC),
        ("https://10.1.2.3:9443/", UrlRule.PORT),
        ("https://0x0a010203/", UrlRule.ADDRESS_FORM),
        ("https://user@hooks.intra/", UrlRule.CREDENTIALS),
        ("https://hooks.intra\\@other.example/", UrlRule.CHARACTERS),
        ("https://127.0.0.1/", UrlRule.ADDRESS_NOT_PUBLIC),
        ("https://localhost/", UrlRule.ADDRESS_NOT_PUBLIC),
        ("https://169.254.169.254/", UrlRule.ADDRESS_NOT_PUBLIC),
        ("https://api.self.example/", UrlRule.OWN_HOST),
        ("https://ⓗooks.intra/", UrlRule.HOST),
    ],
)
async def test_nothing_else_becomes_allowed(url: str, rule: UrlRule) -> None:
    assert await rule_of(url, "127.0.0.1" if "localhost" in url else "10.0.0.7") is rule


async def test_a_list_of_allowed_hosts_need_not_name_it_again() -> None:
    policy = AddressPolicy.production(own_hosts=[], allowed_hosts=["hooks.example.com"], private_hosts=["hooks.intra"])

    assert await rule_of("https://hooks.intra/", "10.0.0.7", policy=policy) is None
    assert await rule_of("https://other.example.com/", "8.8.8.8", policy=policy) is UrlRule.HOST_NOT_ALLOWED


async def test_development_knows_the_list_too() -> None:
    policy = AddressPolicy.development(private_hosts=["http://hooks.intra:8080"])

    assert await rule_of("http://hooks.intra:8080/", "10.0.0.7", policy=policy) is None
    assert await rule_of("http://hooks.intra:8081/", "10.0.0.7", policy=policy) is UrlRule.PRIVATE_NAME
