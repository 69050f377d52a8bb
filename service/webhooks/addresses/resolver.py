"""Resolves host names, and keeps the reasons for failures apart.

If a name has no address, the receiver is at fault; if no DNS server answers, this machine may be. aiohttp drops the
error codes of the DNS library that tell the two apart, so they are read here.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Protocol, Self

import aiodns

LOOKUP_SECONDS = 5.0
_PROBE_SECONDS = 2.0
_TRY_SECONDS = 2.0
_TRIES = 2

# ARES_FLAG_NOSEARCH and ARES_FLAG_EDNS of ares.h. NOSEARCH: names are never completed with the machine's search
# domains. EDNS is the library's default, which explicit flags would switch off.
_CHANNEL_FLAGS = (1 << 5) | (1 << 8)

_NO_ADDRESS_CODES = frozenset(
    {
        aiodns.error.ARES_ENOTFOUND,
        aiodns.error.ARES_ENODATA,
        aiodns.error.ARES_ENONAME,
        aiodns.error.ARES_EBADNAME,
    }
)


class NameNotFound(OSError):
    """The DNS answered: the name does not exist, or it has no address."""


class LookupFailed(OSError):
    """No DNS server gave an answer. The name's own servers or those of this machine may be the cause."""


class NameResolver(Protocol):
    """What the address guard needs of a resolver."""

    async def addresses(self, host: str) -> Sequence[str]:
        """All addresses of the name, IPv6 and IPv4. Raises `NameNotFound` or `LookupFailed`."""
        ...

    async def is_working(self) -> bool:
        """Whether lookups work at all. Called after one of them failed."""
        ...


class DnsResolver:
    """Asks the DNS servers of this machine, asynchronously and without search domains.

    Holds sockets and a thread of c-ares until `close`. `nameservers` ("address" or "address:port") replace those of
    the system.
    """

    def __init__(self, *, nameservers: Sequence[str] | None = None, timeout: float = LOOKUP_SECONDS) -> None:
        """`timeout` is the limit of one lookup in seconds. Needs a running event loop."""
        self._nameservers = nameservers
        self._timeout = timeout
        self._channel = self._new_channel(tries=_TRIES)

    async def addresses(self, host: str) -> Sequence[str]:
        """See `NameResolver.addresses`. Ends within the timeout."""
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._channel.getaddrinfo(host, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise LookupFailed("the lookup took too long") from None
        except aiodns.error.DNSError as error:
            if error.args[0] in _NO_ADDRESS_CODES:
                raise NameNotFound("the name has no address") from None
            raise LookupFailed("the lookup failed") from None
        return [_text(node.addr) for node in answer.nodes]

    async def is_working(self) -> bool:
        """Look up the name servers of the root, which every working resolver knows.

        Uses a new channel: the shared one would answer from its cache after its servers have failed.
        """
        async with self._new_channel(tries=1) as channel:
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    await channel.query_dns(".", "NS")
            except TimeoutError:
                return False
            except aiodns.error.DNSError as error:
                return error.args[0] in _NO_ADDRESS_CODES
        return True

    async def close(self) -> None:
        """Cancel running lookups and close the sockets."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _new_channel(self, *, tries: int) -> aiodns.DNSResolver:
        return aiodns.DNSResolver(
            nameservers=self._nameservers, timeout=_TRY_SECONDS, tries=tries, flags=_CHANNEL_FLAGS
        )


def _text(address: tuple[bytes, int] | tuple[bytes, int, int, int]) -> str:
    """An address as text. A scope is kept, so that the address guard sees it."""
    text = address[0].decode("ascii")
    scope = address[3] if len(address) > 3 else 0
    return f"{text}%{scope}" if scope else text
