"""How all processes share one access to the portal: its token, and its wish for quiet, through PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from service.database import portal
from service.database.connection import Database
from service.portal.errors import PortalError, Unauthorized
from service.portal.token import RenewedTokens, expiry

PROBE_EVERY = 30.0  # seconds between two tries of a token that was refused
RENEWAL_TERM = timedelta(seconds=30)  # for which one process renews and the others wait
EARLY = 60.0  # seconds before its end from which a token is not used any more
WAIT = 0.25  # seconds between two looks at a renewal of somebody else


class ConfiguredToken:
    """`PDPJ_TOKEN`: lives for hours and is replaced by its operator, who restarts the processes."""

    def __init__(self, database: Database, token: str) -> None:
        self._database = database
        self._token = token
        self._probe_at = 0.0
        self._is_refused = False

    @property
    def expires_at(self) -> float | None:
        """Seconds since the epoch; None where the token does not say."""
        return expiry(self._token)

    async def current(self) -> str:
        """The token; while it is refused one call in `PROBE_EVERY` seconds may try it again."""
        now = asyncio.get_running_loop().time()
        if self._is_refused and now < self._probe_at:
            raise Unauthorized
        self._probe_at = now + PROBE_EVERY
        return self._token

    async def refused(self, token: str) -> None:
        """Remember it, for this process and for whoever asks how the service is."""
        if not self._is_refused:
            _tell_of_refusal("PDPJ_TOKEN")
        self._is_refused = True
        async with self._database.connection() as connection:
            await portal.note_refusal(connection, token)

    async def accepted(self, token: str) -> None:
        """Forget that it was refused, if it was."""
        if self._is_refused:
            self._is_refused = False
            async with self._database.connection() as connection:
                await portal.note_acceptance(connection, token)


Renew = Callable[[str], Awaitable[RenewedTokens]]


class RenewedToken:
    """`PDPJ_REFRESH_TOKEN`: renewed by one process for all, and kept in the database since it may rotate."""

    def __init__(self, database: Database, *, refresh_token: str, renew: Renew) -> None:
        self._database = database
        self._refresh_token = refresh_token
        self._origin = portal.fingerprint(refresh_token)
        self._renew = renew
        self._token: str | None = None
        self._use_until = 0.0
        self._is_refused = False
        self._lock = asyncio.Lock()

    @property
    def expires_at(self) -> float | None:
        """Of the newest token that this process used, in seconds since the epoch; None where it does not say."""
        return None if self._token is None else expiry(self._token)

    async def current(self) -> str:
        """The newest token, renewed first where it is about to end."""
        async with self._lock:
            if self._token is None or asyncio.get_running_loop().time() >= self._use_until:
                await self._load_or_renew(refused=None)
            if self._token is None:
                raise Unauthorized
            return self._token

    async def refused(self, token: str) -> None:
        """Renew it, unless somebody has."""
        async with self._lock:
            if self._token == token:
                await self._load_or_renew(refused=token)

    async def accepted(self, token: str) -> None:
        """Nothing to remember: a refused token was replaced."""

    async def _load_or_renew(self, *, refused: str | None) -> None:
        self._token = None
        async with asyncio.timeout(2 * RENEWAL_TERM.total_seconds()):
            while self._token is None:
                if await self._load(refused):
                    return
                if not await self._renew_for_all():
                    await asyncio.sleep(WAIT)

    async def _load(self, refused: str | None) -> bool:
        async with self._database.connection() as connection:
            stored = await portal.stored_tokens(connection, self._origin)
        if stored is None or stored.access_token in {None, refused} or stored.expires_in < EARLY:
            return False
        self._token = stored.access_token
        self._is_refused = False
        self._use_until = asyncio.get_running_loop().time() + stored.expires_in - EARLY
        return True

    async def _renew_for_all(self) -> bool:
        async with self._database.connection() as connection:
            refresh_token = await portal.start_renewal(connection, self._origin, self._refresh_token, term=RENEWAL_TERM)
        if refresh_token is None:
            return False
        try:
            renewed = await self._renew(refresh_token)
        except PortalError as error:
            await self._keep(None)
            if isinstance(error, Unauthorized):
                await self._note_refusal()
            raise
        await self._keep(renewed)
        structlog.get_logger().info("portal_token_renewed", rotated=renewed.refresh_token is not None)
        return True

    async def _note_refusal(self) -> None:
        if not self._is_refused:
            _tell_of_refusal("PDPJ_REFRESH_TOKEN")
        self._is_refused = True
        async with self._database.connection() as connection:
            await portal.note_refusal(connection, self._refresh_token)

    async def _keep(self, renewed: RenewedTokens | None) -> None:
        async with self._database.connection() as connection:
            if renewed is None:
                await portal.give_renewal_up(connection, self._origin)
                return
            await portal.end_renewal(
                connection,
                self._origin,
                access_token=renewed.access_token,
                refresh_token=renewed.refresh_token,
                expires_in=timedelta(seconds=renewed.expires_in),
            )
            await portal.note_acceptance(connection, self._refresh_token)


def _tell_of_refusal(setting: str) -> None:
    structlog.get_logger().error("portal_token_refused", advice=f"set a new {setting} and restart")
