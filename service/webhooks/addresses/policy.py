"""The policy that decides which URLs may receive webhooks, and the error that names the rule that a URL breaks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Self

import yarl

from service.webhooks.addresses.networks import IPAddress, is_loopback, is_private, is_public

PRODUCTION_PORTS = frozenset({443, 8443})

# Ports that browsers refuse for HTTP (the "port blocking" list of the Fetch standard), and the usual ports of
# databases, queues, caches and control planes.
_PORTS_OF_OTHER_PROTOCOLS = frozenset(
    {
        *(0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 88, 95),
        *(101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 138, 139, 143, 161, 162, 179),
        *(389, 427, 445, 464, 465, 500, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587),
        *(601, 631, 636, 873, 989, 990, 993, 995, 1080, 1433, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376),
        *(2379, 2380, 3128, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 5900, 5984, 6000, 6379),
        *(6443, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9042, 9092, 9200, 9300, 10080, 10250, 11211),
        *(27017,),
    }
)


class UrlRule(StrEnum):
    """The rules that a webhook URL can break. The values are stable: clients see them."""

    LENGTH = "length"
    CHARACTERS = "characters"
    SCHEME = "scheme"
    CREDENTIALS = "credentials"
    HOST = "host"
    PORT = "port"
    ADDRESS_FORM = "address_form"
    PRIVATE_NAME = "private_name"
    OWN_HOST = "own_host"
    HOST_NOT_ALLOWED = "host_not_allowed"
    ADDRESS_NOT_PUBLIC = "address_not_public"


MAX_URL_CHARACTERS = 2048

_ADVICE: Mapping[UrlRule, str] = MappingProxyType(
    {
        UrlRule.LENGTH: f"Give a URL of 1 to {MAX_URL_CHARACTERS} characters.",
        UrlRule.CHARACTERS: "Percent-encode spaces, backslashes and invisible characters.",
        UrlRule.SCHEME: "Start the URL with https://.",
        UrlRule.CREDENTIALS: "Remove the user name and password; write an @ elsewhere in the URL as %40.",
        UrlRule.HOST: "Give a well-formed host name, such as hooks.example.com, after the scheme.",
        UrlRule.PORT: "Use a port on which webhooks are sent.",
        UrlRule.ADDRESS_FORM: "Write an IP address in its standard notation, or use a host name.",
        UrlRule.PRIVATE_NAME: "Use a host name that exists in the public DNS.",
        UrlRule.OWN_HOST: "Use a host of your own: this service does not call itself.",
        UrlRule.HOST_NOT_ALLOWED: "Use one of the hosts that the operator of this service allows.",
        UrlRule.ADDRESS_NOT_PUBLIC: "Use a host that has public addresses only.",
    }
)


class InvalidWebhookUrl(Exception):
    """A URL that webhooks are not sent to.

    `rule` is the first rule broken. `message` is one sentence that says what to do about it. Neither shows an address,
    a DNS response, or anything else that the client did not know.
    """

    def __init__(self, rule: UrlRule, message: str | None = None) -> None:
        """`message` replaces the rule's general sentence with a more exact one."""
        self.rule = rule
        self.message = message if message is not None else _ADVICE[rule]
        super().__init__(f"{rule.value}: {self.message}")


#: Scheme, host and port of a receiver on a private network.
PrivateHost = tuple[str, str, int]


@dataclass(frozen=True)
class AddressPolicy:
    """What a webhook URL may be. Hosts are names in lower-case ASCII; a host does not match its subdomains.

    `allowed_ports` None means any port except the well-known ones of other protocols. An empty `allowed_hosts` means
    any host. `own_hosts` are the hosts of this service's own API, which are refused.
    """

    require_https: bool
    allowed_ports: frozenset[int] | None
    allowed_hosts: frozenset[str]
    own_hosts: frozenset[str]
    allow_private_hosts: bool
    private_hosts: frozenset["PrivateHost"] = frozenset()
    allow_private_networks: bool = False

    @classmethod
    def production(
        cls,
        *,
        own_hosts: Iterable[str],
        allowed_ports: Iterable[int] = PRODUCTION_PORTS,
        allowed_hosts: Iterable[str] = (),
        private_hosts: Iterable[str] = (),
    ) -> Self:
        """Only https, on the given ports, to public addresses; and the exceptions listed in `private_hosts`.

        Raises `ValueError` for a malformed host.
        """
        return cls(
            require_https=True,
            allowed_ports=frozenset(allowed_ports),
            allowed_hosts=_host_names(allowed_hosts),
            own_hosts=_host_names(own_hosts),
            allow_private_hosts=False,
            private_hosts=_private_hosts(private_hosts, allowed_ports),
        )

    @classmethod
    def development(
        cls,
        *,
        allow_private_hosts: bool = False,
        own_hosts: Iterable[str] = (),
        allowed_ports: Iterable[int] | None = None,
        allowed_hosts: Iterable[str] = (),
        private_hosts: Iterable[str] = (),
    ) -> Self:
        """Also plain http. With `allow_private_hosts`, also this machine and private networks."""
        return cls(
            require_https=False,
            allowed_ports=None if allowed_ports is None else frozenset(allowed_ports),
            allowed_hosts=_host_names(allowed_hosts),
            own_hosts=_host_names(own_hosts),
            allow_private_hosts=allow_private_hosts,
            private_hosts=_private_hosts(private_hosts, PRODUCTION_PORTS),
        )

    def for_url(self, scheme: str, host: str | None, port: int | None) -> Self:
        """The policy for this URL: a wider one if it is in `private_hosts`, otherwise this policy.

        The wider one allows the URL's scheme and port, and addresses of private networks; never this machine,
        link-local addresses or metadata services.
        """
        if (scheme, host, port) not in self.private_hosts or host is None or port is None:
            return self
        return replace(
            self,
            require_https=scheme == "https",
            allowed_ports=frozenset({port}),
            allowed_hosts=frozenset({host}),
            allow_private_networks=True,
        )

    def allows_port(self, port: int) -> bool:
        """Whether webhooks may be sent to this port."""
        if self.allowed_ports is None:
            return port not in _PORTS_OF_OTHER_PROTOCOLS
        return port in self.allowed_ports

    def allows_address(self, address: IPAddress) -> bool:
        """Whether a socket may connect to this address."""
        if is_public(address) or (self.allow_private_hosts and is_private(address)):
            return True
        return self.allow_private_networks and is_private(address) and not is_loopback(address)


def _host_names(hosts: Iterable[str]) -> frozenset[str]:
    return frozenset(_host_name(host) for host in hosts)


def _host_name(host: str) -> str:
    """A configured host in the form that hosts of canonical URLs have. Raises `ValueError`."""
    name = yarl.URL.build(scheme="https", host=host.strip().rstrip(".")).raw_host
    if not name:
        raise ValueError(f"{host!r} is not a host name")
    return name


def _private_hosts(entries: Iterable[str], ports: Iterable[int]) -> frozenset[PrivateHost]:
    return frozenset(found for each in entries for found in _listed(each.strip(), tuple(ports)))


def _listed(entry: str, ports: Iterable[int]) -> list[PrivateHost]:
    """An entry such as `hooks.intra.example`, `hooks:8443` or `http://10.1.2.3:8080`; without scheme it is https."""
    scheme, _, authority = entry.rpartition("://")
    url = yarl.URL(f"{scheme or 'https'}://{authority}")
    host = _host_name(url.raw_host or "")
    if url.explicit_port is not None:
        return [(url.scheme, host, url.explicit_port)]
    return [(url.scheme, host, port) for port in (ports if url.scheme == "https" else (80,))]
