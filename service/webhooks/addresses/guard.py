"""Keeps webhooks away from every address that the policy does not allow.

Three checks, because each alone can be bypassed: the URL and the addresses of its host when the URL is given, every
DNS response when the URL is called, and the address of every socket before it is created.
"""

import socket
from collections.abc import Sequence

from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

from service.webhooks.addresses.canonical_url import canonical_url, host_of, policy_for, request_url
from service.webhooks.addresses.networks import parse_address
from service.webhooks.addresses.policy import AddressPolicy, InvalidWebhookUrl, UrlRule
from service.webhooks.addresses.resolver import LookupFailed, NameNotFound, NameResolver


class AddressRefused(OSError):
    """Webhooks are not sent to this address. The message does not name it."""


async def check_url(url: str, policy: AddressPolicy, resolver: NameResolver) -> str:
    """Return the canonical form of a URL that may be registered. Raises `InvalidWebhookUrl`.

    A name is refused if any of its addresses is not allowed. A name that does not resolve, for whatever reason, is
    accepted: it is checked again when it is called.
    """
    canonical = canonical_url(url, policy)
    policy = policy_for(request_url(canonical), policy)
    host = host_of(canonical)
    if _is_address(host):
        return canonical
    try:
        addresses = await resolver.addresses(host)
    except (NameNotFound, LookupFailed):
        return canonical
    if not all(_is_allowed(address, policy) for address in addresses):
        raise InvalidWebhookUrl(UrlRule.ADDRESS_NOT_PUBLIC)
    return canonical


class AddressGuard:
    """Checks the addresses that one request is about to connect to, and records what it found. One guard per request.

    The record is needed because the HTTP client merges the errors of several addresses into one, whose type is lost.
    """

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self.has_refused = False
        self.has_dialled_ipv4 = False
        self.lookup_error: NameNotFound | LookupFailed | None = None

    def check_addresses(self, addresses: Sequence[str]) -> None:
        """Raises `AddressRefused` if any of the addresses is not allowed."""
        if not all(_is_allowed(address, self._policy) for address in addresses):
            self.has_refused = True
            raise AddressRefused("target not allowed")

    def open_socket(self, target: AddrInfoType) -> socket.socket:
        """aiohttp's `socket_factory`: create the socket if its address is allowed. Raises `AddressRefused`."""
        family, kind, protocol, _, address = target
        scope = address[3] if len(address) > 3 else 0
        self.check_addresses([f"{address[0]}%{scope}" if scope else str(address[0])])
        self.has_dialled_ipv4 |= family == socket.AF_INET
        return socket.socket(family, kind, protocol)


class VettingResolver(AbstractResolver):
    """aiohttp's resolver: returns the addresses of a name if every one of them is allowed."""

    def __init__(self, names: NameResolver, guard: AddressGuard) -> None:
        """`guard` is that of the request. The caller closes `names`."""
        self._names = names
        self._guard = guard

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp's signature; both are vetted
    ) -> list[ResolveResult]:
        """Raises `NameNotFound`, `LookupFailed` or `AddressRefused`; the guard records it."""
        # Set until the lookup ends, so that a lookup that a deadline cancels counts as failed.
        self._guard.lookup_error = LookupFailed("the lookup did not end in time")
        try:
            addresses = await self._names.addresses(host)
        except (NameNotFound, LookupFailed) as error:
            self._guard.lookup_error = error
            raise
        self._guard.lookup_error = None if addresses else NameNotFound("the name has no address")
        if self._guard.lookup_error is not None:
            raise self._guard.lookup_error
        self._guard.check_addresses(addresses)
        return [_numeric(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Do nothing: the caller closes the `NameResolver`."""


def _is_allowed(address: str, policy: AddressPolicy) -> bool:
    try:
        return policy.allows_address(parse_address(address))
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        parse_address(host)
    except ValueError:
        return False
    return True


def _numeric(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
