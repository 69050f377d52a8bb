"""`PDPJ_REFRESH_TOKEN`: an access token that one process renews for all, and a refresh token that may rotate.

A rotated refresh token is known to nobody but the process that was given it, so nothing may interrupt a renewal: it
is a task of its own, which callers wait for and never cancel, and what came is written until it is written.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import msgspec
import structlog

from service.database.connection import Database
from service.database.portal import portal_state, portal_tokens
from service.database.portal.portal_tokens import FAILURES, Renewal, StoredTokens
from service.domain.errors import ErrorCode
from service.portal.errors import PortalError, TokenUnavailable, Unauthorized
from service.portal.token import UNUSABLE, RenewedTokens, expiry
from service.portal_access.sharing import PROBE_EVERY, TokenHealth

TERM = timedelta(seconds=10)  # for which a process that renews need not be heard of
KEEP_EVERY = 3.0  # seconds between two signs of life of it
GRACE = 3.0  # seconds that one who takes over gives it to write what it may hold
EARLY = 60.0  # seconds before its end at which a token is renewed; a quarter of a short life
LIFE_SHARE = 4
LIVING_MARGIN = 2.0  # seconds before its end from which a token is not used; a tenth of a short life
WAIT = 0.25  # seconds between two looks at the renewal of another process, and between two tries to write
PATIENCE = 15.0  # seconds that a caller waits for a token
BACKOFF_MAX = 30.0  # seconds between two renewals that fail
CLOSE_TIMEOUT = 10.0  # seconds that a process which ends gives to its renewal
REFUSED_EVERY = 60.0  # seconds between two renewals of tokens that the portal refused although they lived


class _Held(msgspec.Struct, frozen=True):
    """An access token; times are those of the event loop."""

    token: str
    renew_at: float
    ends_at: float


Renew = Callable[[str], Awaitable[RenewedTokens]]


class RenewedToken:
    """The source of a token that is renewed before it ends, while the one before goes on being used."""

    def __init__(self, database: Database, *, refresh_token: str, renew: Renew) -> None:
        self._database = database
        self._refresh_token = refresh_token
        self._origin = portal_state.fingerprint(refresh_token)
        self._renew = renew
        self._health = TokenHealth(database, refresh_token, setting="PDPJ_REFRESH_TOKEN")
        self._holder = uuid4()
        self._held: _Held | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._failure: PortalError | None = None
        self._failures = 0
        self._retry_at = float("-inf")
        self._refused: str | None = None
        self._refused_at = float("-inf")
        self._probe_at = float("-inf")

    @property
    def expires_at(self) -> float | None:
        """Of the newest token of this process, in seconds since the epoch; None where it does not say."""
        return None if self._held is None else expiry(self._held.token)

    async def current(self) -> str:
        """The newest token. Raises `Unauthorized` or `TokenUnavailable` if there is none that lives."""
        now = self._now()
        if now < self._probe_at:
            raise Unauthorized
        if not self._is_alive():
            await self._wait_for_token()
        elif self._held is not None and now >= self._held.renew_at:
            self._start()
        if self._held is None or not self._is_alive():
            raise self._reason()
        return self._held.token

    async def refused(self, token: str) -> None:
        """Renew it, unless that was done; not again and again for a portal that refuses every token."""
        now = self._now()
        if self._held is None or self._held.token != token:
            return
        if now - self._refused_at < REFUSED_EVERY:
            self._probe_at = now + PROBE_EVERY
            await self._health.refused()
            return
        self._refused, self._refused_at = token, now
        self._held = None
        await self._wait_for_token()

    async def accepted(self, token: str) -> None:
        """Tell everybody, unless the token is an old one that outlives its refresh token."""
        held = self._held
        if held is not None and held.token == token and self._now() < held.renew_at:
            await self._health.accepted()

    async def close(self) -> None:
        """Begin nothing any more, and give a renewal that is under way `CLOSE_TIMEOUT` seconds."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=CLOSE_TIMEOUT)
            self._task.cancel()
            await asyncio.wait({self._task})

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _is_alive(self) -> bool:
        return self._held is not None and self._now() < self._held.ends_at

    def _reason(self) -> PortalError:
        if isinstance(self._failure, Unauthorized):
            return Unauthorized()
        sentence = str(self._failure) if self._failure else "the token is being renewed"
        return TokenUnavailable(ErrorCode.PORTAL_UNAVAILABLE, sentence)

    async def _wait_for_token(self) -> None:
        # Neither a timeout nor a cancelled caller ends the task.
        if (task := self._start()) is not None:
            await asyncio.wait({task}, timeout=PATIENCE)

    def _start(self) -> asyncio.Task[None] | None:
        """The renewal under way, or a new one; None where the last one failed a moment ago."""
        if self._task is not None and not self._task.done():
            return self._task
        if self._is_closed or self._now() < self._retry_at:
            return None
        self._task = asyncio.create_task(self._obtain())
        return self._task

    def _start_at(self, moment: float) -> None:
        """An idle process renews too: the refresh token may die if it is not used."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._is_closed:
            self._timer = asyncio.get_running_loop().call_at(moment, self._start)

    async def _obtain(self) -> None:
        try:
            await self._load_or_renew()
        except FAILURES as error:
            sentence = f"the database cannot be asked for the token: {type(error).__name__}"
            self._failed(TokenUnavailable(ErrorCode.PORTAL_UNAVAILABLE, sentence))
        except PortalError as error:
            self._failed(error)
            if isinstance(error, Unauthorized):
                await self._health.refused()
        else:
            self._failure, self._failures, self._retry_at = None, 0, float("-inf")

    def _failed(self, error: PortalError) -> None:
        structlog.get_logger().warning("portal_token_not_renewed", reason=str(error))
        # The first failure may be tried again at once.
        delay = min(2.0 ** (self._failures - 1), BACKOFF_MAX) if self._failures else 0.0
        self._failure, self._failures = error, self._failures + 1
        self._retry_at = self._now() + delay
        if not isinstance(error, Unauthorized):
            self._start_at(self._now() + max(delay, 1.0))

    async def _load_or_renew(self) -> None:
        renewal: Renewal | None = None
        while renewal is None:
            async with self._database.connection() as connection:
                if self._takes(await portal_tokens.stored_tokens(connection, self._origin)):
                    return
                renewal = await portal_tokens.start_renewal(
                    connection, self._origin, self._refresh_token, holder=self._holder, term=TERM
                )
            if renewal is None:
                await asyncio.sleep(WAIT)
        keeping = asyncio.create_task(self._keep_renewing())
        try:
            await self._renew_for_all(renewal)
        finally:
            keeping.cancel()

    def _takes(self, stored: StoredTokens | None) -> bool:
        """Use what another process renewed. False if it is due, although it may be used until it is renewed."""
        if stored is None or stored.access_token in {None, self._refused} or stored.expires_in <= 0:
            return False
        self._hold(stored.access_token or "", stored.expires_in, stored.life or stored.expires_in)
        return self._held is not None and self._now() < self._held.renew_at

    def _hold(self, token: str, expires_in: float, life: float) -> None:
        ends_at = self._now() + expires_in
        renew_at = ends_at - min(EARLY, life / LIFE_SHARE)
        self._held = _Held(token, renew_at, ends_at - min(LIVING_MARGIN, life / 10))
        if renew_at > self._now():
            self._start_at(renew_at)

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY)
            # One that is away counts the term on: the next sign of life may come in time.
            with suppress(*FAILURES):
                async with self._database.connection() as connection:
                    await portal_tokens.keep_renewing(connection, self._origin, holder=self._holder, term=TERM)

    async def _renew_for_all(self, renewal: Renewal) -> None:
        if renewal.was_left:
            await asyncio.sleep(GRACE)
        # Another process may have ended its renewal since the first look.
        async with self._database.connection() as connection:
            if self._takes(await portal_tokens.stored_tokens(connection, self._origin)):
                await portal_tokens.give_renewal_up(connection, self._origin, holder=self._holder)
                return
        asked_at = self._now()
        try:
            used, renewed = await self._exchange(renewal)
        except PortalError:
            await self._give_up()
            raise
        if renewed.access_token is not None:
            self._hold(renewed.access_token, renewed.expires_in - (self._now() - asked_at), renewed.expires_in)
        await self._write(renewal, renewed, used=used, asked_at=asked_at)
        if renewed.access_token is None:
            raise TokenUnavailable(ErrorCode.PORTAL_UNAVAILABLE, f"the token could not be renewed: {UNUSABLE}")
        structlog.get_logger().info("portal_token_renewed", rotated=renewed.refresh_token is not None)
        await self._health.accepted()

    async def _exchange(self, renewal: Renewal) -> tuple[str, RenewedTokens]:
        """Try the newest refresh token, then the older ones: a rotation that was lost may have left them alive."""
        candidates = dict.fromkeys((renewal.refresh_token, renewal.previous_token, self._refresh_token))
        for candidate in filter(None, candidates):
            with suppress(Unauthorized):
                return candidate, await self._renew(candidate)
        raise Unauthorized

    async def _write(self, renewal: Renewal, renewed: RenewedTokens, *, used: str, asked_at: float) -> None:
        is_told = False
        while True:
            try:
                async with self._database.connection() as connection:
                    is_newest = await portal_tokens.end_renewal(
                        connection,
                        self._origin,
                        replaces=renewal.refresh_token,
                        access_token=renewed.access_token,
                        refresh_token=renewed.refresh_token or used,
                        age=timedelta(seconds=self._now() - asked_at),
                        life=timedelta(seconds=renewed.expires_in),
                    )
            except FAILURES as error:
                if not is_told:
                    structlog.get_logger().error("portal_token_not_written", error=type(error).__name__)
                is_told = True
                await asyncio.sleep(WAIT)
                continue
            if not is_newest:
                structlog.get_logger().warning("portal_token_superseded")
            return

    async def _give_up(self) -> None:
        with suppress(*FAILURES):
            async with self._database.connection() as connection:
                await portal_tokens.give_renewal_up(connection, self._origin, holder=self._holder)
