"""Shares the portal's pauses, and whether it accepts the token, between all processes, through PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from service.database.connection import UNREACHABLE, Connection, Database
from service.database.portal import portal_state
from service.portal.errors import Unauthorized
from service.portal.token import expiry

PROBE_EVERY = 30.0  # seconds between two tries of a token that was refused
CONFIRM_EVERY = 5.0  # seconds between two confirmations that the portal accepts the token
READ_EVERY = 1.0  # seconds after which a pause is read again


class SharedPauses:
    """Reads and writes the pauses of all processes. If the database is unreachable, work goes on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read_at = float("-inf")
        self._until = 0.0

    async def tell(self, seconds: float) -> None:
        """Make every process pause for some seconds."""
        try:
            async with self._database.connection() as connection:
                await portal_state.pause(connection, seconds)
        except UNREACHABLE as error:
            structlog.get_logger().warning("pause_not_shared", error=type(error).__name__)

    async def left(self) -> float:
        """Return the seconds until the shared pause ends; 0 without one. Read at most every `READ_EVERY` seconds."""
        clock = asyncio.get_running_loop().time
        if clock() - self._read_at >= READ_EVERY:
            # Set before the query: only one of many concurrent callers reads.
            self._read_at = clock()
            try:
                async with self._database.connection() as connection:
                    self._until = clock() + await portal_state.pause_left(connection)
            except UNREACHABLE as error:
                structlog.get_logger().warning("pause_not_read", error=type(error).__name__)
        return max(0.0, self._until - clock())


class TokenHealth:
    """Notes whether the portal accepts the credential, for all processes and for the readiness check."""

    def __init__(self, database: Database, credential: str, *, setting: str) -> None:
        self._database = database
        self._credential = credential
        self._setting = setting
        self._confirm_at = float("-inf")
        self.is_refused = False  #: as far as this process knows

    async def refused(self) -> None:
        """Note that the portal refuses the credential."""
        if not self.is_refused:
            structlog.get_logger().error("portal_token_refused", advice=f"set a new {self._setting} and restart")
        self.is_refused = True
        await self._note(portal_state.note_refusal)

    async def accepted(self) -> None:
        """Note that the portal accepts the credential, even if this or another process noted a refusal before."""
        now = asyncio.get_running_loop().time()
        if self.is_refused or now >= self._confirm_at:
            self.is_refused = False
            self._confirm_at = now + CONFIRM_EVERY
            await self._note(portal_state.note_acceptance)

    async def _note(self, note: Callable[[Connection, str], Awaitable[None]]) -> None:
        # The next document that finds the token refused cancels the request of this one.
        await asyncio.shield(asyncio.ensure_future(self._write(note)))

    async def _write(self, note: Callable[[Connection, str], Awaitable[None]]) -> None:
        try:
            async with self._database.connection() as connection:
                await note(connection, self._credential)
        except UNREACHABLE as error:
            # The next answer of the portal is noted again.
            self._confirm_at = float("-inf")
            structlog.get_logger().warning("token_health_not_noted", error=type(error).__name__)


class ConfiguredToken:
    """`PDPJ_TOKEN`: valid for hours. The operator sets a new one and restarts the processes."""

    def __init__(self, database: Database, token: str) -> None:
        self._token = token
        self._health = TokenHealth(database, token, setting="PDPJ_TOKEN")
        self._probe_at = 0.0

    @property
    def expires_at(self) -> float | None:
        """Seconds since the epoch; None if the token does not say."""
        return expiry(self._token)

    async def current(self) -> str:
        """Return the token. Raises `Unauthorized` while it is refused, except once per `PROBE_EVERY` seconds."""
        now = asyncio.get_running_loop().time()
        if self._health.is_refused and now < self._probe_at:
            raise Unauthorized
        self._probe_at = now + PROBE_EVERY
        return self._token

    async def refused(self, token: str) -> None:  # noqa: ARG002  (there is only one)
        """Note the refusal for all processes."""
        await self._health.refused()

    async def accepted(self, token: str) -> None:  # noqa: ARG002  (there is only one)
        """Note for all processes that the token is not refused."""
        await self._health.accepted()

    async def close(self) -> None:
        """Do nothing: there is no renewal to wait for."""
