"""A Keycloak realm that renews tokens, as a function and as an HTTP endpoint."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from service.domain.errors import ErrorCode
from service.portal.errors import TokenUnavailable, Unauthorized
from service.portal.token import RenewedTokens

#: What happens to a refresh token that was rotated: it goes on working, it is dead, or its use kills the session.
Rotation = Literal["lenient", "strict", "reuse kills"]


@dataclass
class Keycloak:
    """The state of one session: all refresh tokens that it gave, and the newest access token."""

    rotation: Rotation = "strict"
    expires_in: float = 28_800.0
    latency: float = 0.0  #: seconds between the rotation and its answer over HTTP
    is_down: bool = False
    is_garbled: bool = False  #: rotates, and gives an access token that cannot be sent
    is_dead: bool = False
    given: list[str] = field(default_factory=lambda: ["r0"])
    asked_with: list[str] = field(default_factory=list)
    #: Set when the tokens have been rotated; the answer is held back until `may_answer` is set.
    has_rotated: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Respond at once, unless a test clears it."""
        self.may_answer.set()

    @property
    def is_usable(self) -> bool:
        """True if the session is alive and the newest refresh token is valid."""
        return not self.is_dead

    def exchange(self, refresh_token: str) -> RenewedTokens | None:
        """Rotate a refresh token. None: it is not valid."""
        self.asked_with.append(refresh_token)
        if refresh_token != self.given[-1] and self.rotation == "reuse kills" and refresh_token in self.given:
            self.is_dead = True
        is_good = refresh_token == self.given[-1] or (self.rotation == "lenient" and refresh_token in self.given)
        if self.is_dead or not is_good:
            return None
        self.given.append(f"r{len(self.given)}")
        self.has_rotated.set()
        access_token = None if self.is_garbled else f"a{len(self.given) - 1}"
        return RenewedTokens(access_token, self.expires_in, self.given[-1])

    async def renew(self, refresh_token: str) -> RenewedTokens:
        """Renew, with the errors and the result of the service's own call."""
        if self.is_down:
            self.asked_with.append(refresh_token)
            raise TokenUnavailable(ErrorCode.PORTAL_UNAVAILABLE, "the token could not be renewed: status 503")
        renewed = self.exchange(refresh_token)
        await self.may_answer.wait()
        if renewed is None:
            raise Unauthorized
        return renewed

    async def handle(self, request: web.Request) -> web.Response:
        """Renew over HTTP (RFC 6749, section 6)."""
        given = str((await request.post())["refresh_token"])
        if self.is_down:
            return web.Response(status=503, text="<html>Service Unavailable</html>", content_type="text/html")
        renewed = self.exchange(given)
        await asyncio.sleep(self.latency)
        await self.may_answer.wait()
        if renewed is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            {
                "access_token": renewed.access_token,
                "refresh_token": renewed.refresh_token,
                "expires_in": renewed.expires_in,
            }
        )


@asynccontextmanager
async def serving(keycloak: Keycloak) -> AsyncIterator[str]:
    """The URL of the token endpoint."""
    application = web.Application()
    application.router.add_post("/token", keycloak.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    keycloak.may_answer.set()
    await runner.cleanup()
