"""How often wrong keys and tokens may be tried: by each address, and by all together."""

from ipaddress import IPv6Address, ip_address

from limits import RateLimitItemPerMinute

from service.console.framework.visits import Visit

ATTEMPTS_OF_ADDRESS = RateLimitItemPerMinute(10)
ATTEMPTS_OF_ALL = RateLimitItemPerMinute(300)
_SITE = 64  # bits of an IPv6 address: a client has all addresses below them


async def check_attempts(visit: Visit, kind: str = "log-in") -> None:
    """Before a key is looked up: raise the problem `rate_limited` (429) after too many wrong ones.

    `kind`: what is tried; each kind is counted by itself. The right key is refused too: otherwise the one that is not
    refused would be known to be right.
    """
    limiter = visit.state["limiter"]
    (await limiter.look(ATTEMPTS_OF_ADDRESS, kind, _site(visit))).check()
    (await limiter.look(ATTEMPTS_OF_ALL, kind, "all")).check()


async def count_wrong(visit: Visit, kind: str = "log-in") -> None:
    """Count a wrong key or token."""
    limiter = visit.state["limiter"]
    await limiter.take(ATTEMPTS_OF_ADDRESS, kind, _site(visit))
    await limiter.take(ATTEMPTS_OF_ALL, kind, "all")


def _site(visit: Visit) -> str:
    client = visit.request.client
    try:
        address = ip_address(client.host if client else "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or int(address) >> (128 - _SITE))
    return str(address)
