"""How often keys and tokens may be tried: by each address, and by all together."""

from ipaddress import IPv6Address, ip_address

from limits import RateLimitItemPerMinute

from service.console.framework.visits import Visit

ATTEMPTS_OF_ADDRESS = RateLimitItemPerMinute(10)
ATTEMPTS_OF_ALL = RateLimitItemPerMinute(300)
_SITE = 64  # bits of an IPv6 address: a client has all addresses below them


async def count_attempt(visit: Visit) -> None:
    """Count an attempt before the key is looked up. Raises the problem `rate_limited` (429).

    The right key counts too: otherwise the right one among many would be the one that is not refused.
    """
    limiter = visit.state["limiter"]
    (await limiter.take(ATTEMPTS_OF_ADDRESS, "log-in", _site(visit))).check()
    (await limiter.take(ATTEMPTS_OF_ALL, "log-in", "all")).check()


def _site(visit: Visit) -> str:
    client = visit.request.client
    try:
        address = ip_address(client.host if client else "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or int(address) >> (128 - _SITE))
    return str(address)
