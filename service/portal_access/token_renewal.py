"""`PDPJ_REFRESH_TOKEN`: an access token that one process renews for all, and a refresh token that may rotate.

Until a rotated refresh token is stored, only the process that received it knows it, so nothing may interrupt a
renewal. It is a separate task: callers wait for it and never cancel it. Storing its result is retried until it works.
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
from service.database.portal.portal_tokens import DATABASE_FAILURES, Renewal, StoredTokens
from service.domain.errors import ErrorCode
from service.portal.errors import PortalError, TokenUnavailable, Unauthorized
from service.portal.token import UNUSABLE, RenewedTokens, expiry
from service.portal_access.sharing import PROBE_EVERY, TokenHealth

RENEWAL_LEASE = timedelta(seconds=10)  # a renewing process that does not extend it for so long loses the right to renew
KEEP_EVERY = 3.0  # seconds between two extensions of the term
TAKEOVER_DELAY = 3.0  # seconds that a process which takes over waits: the one before may still store its tokens
TOKEN_MARGIN = 60.0  # seconds before its end at which a token is renewed, but at most a quarter of its life
LIFE_SHARE = 4
LIVING_MARGIN = 2.0  # seconds before its end from which a token is not used, but at most a tenth of its life
RENEWAL_POLL_INTERVAL = 0.25  # seconds between two checks of another process's renewal, and between two tries to write
TOKEN_TIMEOUT = 15.0  # seconds that a caller waits for a token
RENEWAL_BACKOFF_MAX = 30.0  # seconds between failed renewals, at most
RENEWAL_CLOSE_TIMEOUT = 10.0  # seconds that `close` waits for a renewal
REFUSED_EVERY = 60.0  # seconds between two renewals because the portal refused a token before its end


class _Held(msgspec.Struct, frozen=True):
    """An access token; times are those of the event loop."""

    token: str
    renew_at: float
    ends_at: float


Renew = Callable[[str], Awaitable[RenewedTokens]]


class RenewedToken:
    """Renews its token before the token ends. Callers use the current one meanwhile."""

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
        """End of this process's newest token, in seconds since the epoch; None if there is none or it does not say."""
        return None if self._held is None else expiry(self._held.token)

    async def current(self) -> str:
        """Return the newest token. Raises `Unauthorized` or `TokenUnavailable` if there is no valid one."""
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
        """Renew the token, if it is still the newest one; at most every `REFUSED_EVERY` seconds."""
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
        """Note it for all processes, unless a renewal is due: the token may be valid longer than its refresh token."""
        held = self._held
        if held is not None and held.token == token and self._now() < held.renew_at:
            await self._health.accepted()

    async def close(self) -> None:
        """Start no renewal any more, and wait up to `RENEWAL_CLOSE_TIMEOUT` seconds for one under way."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=RENEWAL_CLOSE_TIMEOUT)
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
            await asyncio.wait({task}, timeout=TOKEN_TIMEOUT)

    def _start(self) -> asyncio.Task[None] | None:
        """Return the renewal under way, or start one; None after `close`, or until `_retry_at` after a failure."""
        if self._task is not None and not self._task.done():
            return self._task
        if self._is_closed or self._now() < self._retry_at:
            return None
        self._task = asyncio.create_task(self._obtain())
        return self._task

    def _start_at(self, moment: float) -> None:
        """Renew at a time of the loop's clock, even in an idle process: an unused refresh token may expire."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._is_closed:
            self._timer = asyncio.get_running_loop().call_at(moment, self._start)

    async def _obtain(self) -> None:
        try:
            await self._load_or_renew()
        except DATABASE_FAILURES as error:
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
        # After a first failure the next try may follow at once.
        delay = min(2.0 ** (self._failures - 1), RENEWAL_BACKOFF_MAX) if self._failures else 0.0
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
                    connection, self._origin, self._refresh_token, holder=self._holder, term=RENEWAL_LEASE
                )
            if renewal is None:
                await asyncio.sleep(RENEWAL_POLL_INTERVAL)
        keeping = asyncio.create_task(self._keep_renewing())
        try:
            await self._renew_for_all(renewal)
        finally:
            keeping.cancel()

    def _takes(self, stored: StoredTokens | None) -> bool:
        """Use the token that another process stored, if it is valid. False if a renewal is due, even then."""
        if stored is None or stored.access_token in {None, self._refused} or stored.expires_in <= 0:
            return False
        self._hold(stored.access_token or "", stored.expires_in, stored.life or stored.expires_in)
        return self._held is not None and self._now() < self._held.renew_at

    def _hold(self, token: str, expires_in: float, life: float) -> None:
        ends_at = self._now() + expires_in
        renew_at = ends_at - min(TOKEN_MARGIN, life / LIFE_SHARE)
        self._held = _Held(token, renew_at, ends_at - min(LIVING_MARGIN, life / 10))
        if renew_at > self._now():
            self._start_at(renew_at)

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY)
            # If the database is unreachable, the next try may still come before the term ends.
            with suppress(*DATABASE_FAILURES):
                async with self._database.connection() as connection:
                    await portal_tokens.keep_renewing(connection, self._origin, holder=self._holder, term=RENEWAL_LEASE)

    async def _renew_for_all(self, renewal: Renewal) -> None:
        if renewal.was_left:
            await asyncio.sleep(TAKEOVER_DELAY)
        # Another process may have finished its renewal since the first check.
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
        """Try the newest refresh token, then the older ones: if a rotated one was lost, an older one may be valid."""
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
            except DATABASE_FAILURES as error:
                if not is_told:
                    structlog.get_logger().error("portal_token_not_written", error=type(error).__name__)
                is_told = True
                await asyncio.sleep(RENEWAL_POLL_INTERVAL)
                continue
            if not is_newest:
                structlog.get_logger().warning("portal_token_superseded")
            return

    async def _give_up(self) -> None:
        with suppress(*DATABASE_FAILURES):
            async with self._database.connection() as connection:
                await portal_tokens.give_renewal_up(connection, self._origin, holder=self._holder)
