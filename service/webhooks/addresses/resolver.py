"""From host names to addresses, with the reasons of failure kept apart.

Whether a name has no address, or no DNS server could be asked, decides whether the receiver or this machine
is at fault, so the error codes of the DNS library are read here instead of behind aiohttp, which drops them.
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

# ARES_FLAG_NOSEARCH and ARES_FLAG_EDNS of ares.h: a name is asked for as it is, never completed by the search
# domains of the machine; EDNS is the library's own default, which giving flags replaces.
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
    """No answer was had, whether because of the name's own DNS servers or of this machine's."""


class NameResolver(Protocol):
    """What the address guard asks for addresses."""

    async def addresses(self, host: str) -> Sequence[str]:
        """All addresses of the name, IPv6 and IPv4. Raises `NameNotFound` or `LookupFailed`."""
        ...

    async def is_working(self) -> bool:
        """Tell whether lookups work at all, asked after one of them failed."""
        ...


class DnsResolver:
    """The DNS servers of this machine, asked without a thread and without search domains.

    Keeps sockets and a thread of c-ares until `close`. `nameservers` ("address" or "address:port") replace
    those of the system.
    """

    def __init__(self, *, nameservers: Sequence[str] | None = None, timeout: float = LOOKUP_SECONDS) -> None:
        """Take the budget of one lookup in seconds; must be called in a running event loop."""
        self._nameservers = nameservers
        self._timeout = timeout
        self._channel = self._new_channel(tries=_TRIES)

    async def addresses(self, host: str) -> Sequence[str]:
        """See `NameResolver.addresses`; answers within the budget."""
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
        """Ask for the name servers of the root, which every working resolver knows.

        A channel of its own, since the shared one would answer from its cache after its servers died.
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
        """End lookups under way and free the sockets."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        """Give the resolver itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    def _new_channel(self, *, tries: int) -> aiodns.DNSResolver:
        return aiodns.DNSResolver(
            nameservers=self._nameservers, timeout=_TRY_SECONDS, tries=tries, flags=_CHANNEL_FLAGS
        )


def _text(address: tuple[bytes, int] | tuple[bytes, int, int, int]) -> str:
    """Spell an address; one with a scope keeps it, so that whoever vets it sees it."""
    text = address[0].decode("ascii")
    scope = address[3] if len(address) > 3 else 0
    return f"{text}%{scope}" if scope else text
