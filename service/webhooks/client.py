"""The HTTP client of webhooks: one request to a URL that is not trusted."""

import asyncio
import errno
import io
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import aiohttp
import yarl

from service.webhooks.addresses.canonical_url import canonical_url, policy_for, request_url
from service.webhooks.addresses.guard import AddressGuard, VettingResolver
from service.webhooks.addresses.policy import AddressPolicy, InvalidWebhookUrl, UrlRule
from service.webhooks.addresses.resolver import LookupFailed, NameNotFound, NameResolver
from service.webhooks.outcome import (
    OutcomeKind,
    PostOutcome,
    clean_text,
    excerpt_of,
    parse_retry_after,
)

MAX_ANSWER_BYTES = 16 * 1024
CONNECT_SECONDS = 5.0

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_HOST_CHARACTERS = 253

# No route, no interface, no source address or port left, no file descriptor or memory for a socket.
_OWN_FAULTS = frozenset(
    {
        *(errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL),
        *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM),
    }
)


@dataclass(frozen=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass
class _Answer:
    """The part of the response received so far. It is still there after the deadline has cancelled the request."""

    status: int = 0
    """0 until the status line is there."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class GuardedClient:
    """Sends requests only to URLs that the policy allows.

    It does not follow redirects, use proxies or credentials of the environment, keep cookies or reuse connections.
    It reads at most 16 KiB of a response and never decompresses it.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        resolver: NameResolver,
        *,
        timeout: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`timeout` is the limit of a whole request in seconds. `tls` replaces the system's trusted certificates.

        The caller closes `resolver`.
        """
        self._policy = policy
        self._resolver = resolver
        self._timeout = timeout
        self._tls = tls

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> PostOutcome:
        """Send one POST and return its outcome. Failures of the network are outcomes too: they raise nothing.

        The URL is checked again, because the policy or the name may have changed since it was accepted.
        """
        return await self._timed(_Request("POST", url, headers, body))

    async def probe(self, url: str, headers: Mapping[str, str]) -> PostOutcome:
        """Send a HEAD in the same way as `post`, to test whether there is an HTTP server. Delivers nothing."""
        return await self._timed(_Request("HEAD", url, headers))

    async def _timed(self, request: _Request) -> PostOutcome:
        started = time.monotonic()
        outcome = await self._send(request)
        return replace(outcome, duration_ms=round((time.monotonic() - started) * 1000))

    async def _send(self, request: _Request) -> PostOutcome:
        try:
            canonical = canonical_url(request.url, self._policy)
        except InvalidWebhookUrl as refusal:
            return PostOutcome(OutcomeKind.REFUSED_ADDRESS, rule=refusal.rule)
        guard = AddressGuard(policy_for(request_url(canonical), self._policy))
        answer = _Answer()
        try:
            async with guarded_session(guard, self._resolver, tls=self._tls) as session:
                async with asyncio.timeout(self._timeout):
                    await _exchange(session, replace(request, url=canonical), answer)
        except (TimeoutError, aiohttp.ClientError) as error:
            if not answer.status:
                return await self._failure(guard, error)
        return _answered(canonical, answer)

    async def _failure(self, guard: AddressGuard, error: Exception) -> PostOutcome:
        if guard.has_refused:
            return PostOutcome(OutcomeKind.REFUSED_ADDRESS, rule=UrlRule.ADDRESS_NOT_PUBLIC)
        if isinstance(guard.lookup_error, NameNotFound):
            return PostOutcome(OutcomeKind.NAME_NOT_FOUND)
        if isinstance(guard.lookup_error, LookupFailed):
            # If the receiver's own DNS servers are down, this machine is not at fault.
            is_theirs = await self._resolver.is_working()
            return PostOutcome(OutcomeKind.NAME_NOT_FOUND if is_theirs else OutcomeKind.RESOLVER_UNAVAILABLE)
        return PostOutcome(_transport_failure(guard, error))


def guarded_session(
    guard: AddressGuard, resolver: NameResolver, *, tls: ssl.SSLContext | None = None
) -> aiohttp.ClientSession:
    """A client session that opens sockets only to addresses that the guard allows. One per request, like the guard.

    It limits only the time to connect. The caller sets the deadline of the request, and `allow_redirects=False`.
    """
    connector = aiohttp.TCPConnector(
        resolver=VettingResolver(resolver, guard),
        socket_factory=guard.open_socket,
        ssl=tls if tls is not None else True,
        use_dns_cache=False,
        force_close=True,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        read_bufsize=MAX_ANSWER_BYTES,
    )


async def _exchange(session: aiohttp.ClientSession, request: _Request, answer: _Answer) -> None:
    response = await session.request(
        request.method,
        request_url(request.url),
        # Sent in pieces, so that a response is read even if it comes before the last piece is sent.
        data=None if request.body is None else io.BytesIO(request.body),
        headers={**request.headers, "Accept-Encoding": "identity"},
        allow_redirects=False,
    )
    try:
        answer.status, answer.headers = response.status, response.headers
        while len(answer.body) < MAX_ANSWER_BYTES:
            chunk = await response.content.read(MAX_ANSWER_BYTES - len(answer.body))
            if not chunk:
                return
            answer.body += chunk
    finally:
        response.close()


def _answered(url: str, answer: _Answer) -> PostOutcome:
    status = answer.status
    location = answer.headers.get("Location") if status in _REDIRECTS else None
    return PostOutcome(
        _kind_of(status),
        status_code=status,
        retry_after_seconds=parse_retry_after(answer.headers.get("Retry-After"), datetime.now(UTC)),
        excerpt=excerpt_of(bytes(answer.body), answer.headers.get("Content-Encoding")),
        location_host=_host_of_location(url, location),
    )


def _kind_of(status: int) -> OutcomeKind:
    if status in _REDIRECTS:
        return OutcomeKind.REDIRECT
    return OutcomeKind.DELIVERED if 200 <= status < 300 else OutcomeKind.STATUS


def _host_of_location(url: str, location: str | None) -> str | None:
    if location is None:
        return None
    try:
        host = yarl.URL(url).join(yarl.URL(location)).raw_host
    except ValueError:
        return None
    return clean_text(host)[:_MAX_HOST_CHARACTERS] if host else None


def _transport_failure(guard: AddressGuard, error: Exception) -> OutcomeKind:
    if isinstance(error, TimeoutError):
        return OutcomeKind.TIMEOUT
    if isinstance(error, aiohttp.ClientSSLError):
        return OutcomeKind.TLS_FAILED
    if not isinstance(error, aiohttp.ClientConnectorError):
        return OutcomeKind.PROTOCOL_ERROR
    # Only if an IPv4 address was tried: on a machine without IPv6, a receiver with only IPv6 is not our fault.
    if guard.has_dialled_ipv4 and error.os_error.errno in _OWN_FAULTS:
        return OutcomeKind.NETWORK_UNAVAILABLE
    return OutcomeKind.CONNECT_FAILED
