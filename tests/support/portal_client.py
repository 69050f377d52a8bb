"""The portal's client with a given token and without a database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from service.observability.metrics import Metrics
from service.portal.client import PortalClient
from service.portal.errors import PortalError
from service.portal.gate import Gate
from service.portal.token import TokenSource

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) invented"


class GivenToken:
    """A source of one token. It remembers how the portal responded to it."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.refusals: list[str] = []

    async def current(self) -> str:
        return self._token

    async def refused(self, token: str) -> None:
        """The portal responded with 401."""
        self.refusals.append(token)

    async def accepted(self, token: str) -> None:
        """The portal responded with anything but 401."""


@dataclass
class Portal:
    """A client, and what it reported to the rest of the service."""

    client: PortalClient
    gate: Gate
    tokens: GivenToken
    metrics: Metrics
    pauses: list[float] = field(default_factory=list)


@asynccontextmanager
async def open_portal_client(
    base_url: str,
    token: str,
    *,
    places: int = 5,
    tokens: TokenSource | None = None,
    pause_left: Callable[[], Awaitable[float]] | None = None,
    tell: Callable[[PortalError | None], None] = lambda _: None,
) -> AsyncIterator[Portal]:
    """A client for the portal at `base_url`, with the service's own session.

    `tokens` is another source than one of `token`; `pause_left` reads the pauses of other processes; `tell` is told
    how each call ended.
    """
    pauses: list[float] = []

    async def slow_down(seconds: float) -> None:
        pauses.append(seconds)

    async with aiohttp.ClientSession(
        auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    ) as session:
        gate, given, metrics = Gate(places), GivenToken(token), Metrics()
        client = PortalClient(
            session,
            base_url=base_url,
            tokens=tokens or given,
            user_agent=USER_AGENT,
            gate=gate,
            slow_down=slow_down,
            pause_left=pause_left,
            metrics=metrics,
            tell=tell,
        )
        yield Portal(client, gate, given, metrics, pauses)
