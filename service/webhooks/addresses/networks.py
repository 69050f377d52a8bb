"""The networks that a webhook may be sent to.

The table is our own, because `ipaddress.is_global` and similar properties have another purpose: they are true for
multicast, 6to4 relays, NAT64 and a cloud's own addresses, and they change between patch releases of Python. Sources:
the IANA special-purpose address registries for IPv4 and IPv6, and the multicast and reserved blocks.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address

_IPV4_DENIED = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; Linux connects 0.0.0.0 to itself
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared address space of carriers; some clouds keep their metadata in it
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, with the metadata service of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a cloud keeps its metadata in it
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast address
        "168.63.129.16/32",  # Azure's host agent, which answers at a public address
    )
)

# Every address outside of it is loopback, local, multicast, a translation prefix or unassigned.
_IPV6_GLOBAL_UNICAST = IPv6Network("2000::/3")

_IPV6_DENIED = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks, anycast services
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)

_NAT64 = IPv6Network("64:ff9b::/96")

# The middle words of an ISATAP interface identifier (RFC 5214): the last 32 bits are an IPv4 address.
_ISATAP_MARKS = frozenset({0x0000_5EFE, 0x0200_5EFE})

_PRIVATE = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
)

# Metadata services inside the private ranges: never a receiver of webhooks.
_PRIVATE_DENIED = (IPv6Network("fd00:ec2::/32"), IPv6Network("fd20:ce::/32"))


def parse_address(text: str) -> IPAddress:
    """Parse an address in strict notation. Raises `ValueError` for a zone, a port or a legacy spelling."""
    if "%" in text:
        raise ValueError("an address with a zone is not accepted")
    return IPv6Address(text) if ":" in text else IPv4Address(text)


def is_public(address: IPAddress) -> bool:
    """Whether the address belongs to the public internet.

    For IPv4 inside IPv6 (mapped, NAT64), the IPv4 address decides, because the connection reaches that one.
    """
    if isinstance(address, IPv4Address):
        return not _is_in(address, _IPV4_DENIED)
    carried = _carried_ipv4(address)
    if carried is not None:
        return is_public(carried)
    if address not in _IPV6_GLOBAL_UNICAST or _is_in(address, _IPV6_DENIED):
        return False
    return (int(address) >> 32) & 0xFFFF_FFFF not in _ISATAP_MARKS


def is_private(address: IPAddress) -> bool:
    """Whether the address is this machine or in a private network. False for metadata services."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return is_private(address.ipv4_mapped)
    return _is_in(address, _PRIVATE) and not _is_in(address, _PRIVATE_DENIED)


def is_loopback(address: IPAddress) -> bool:
    """Whether the address is this machine."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _carried_ipv4(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


def _is_in(address: IPAddress, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    # For a network of the other version, `in` is False; it does not raise.
    return any(address in network for network in networks)
