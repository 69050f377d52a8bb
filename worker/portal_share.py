"""The loop that keeps the requests of all workers below the portal's limit, and quiet when it asks for quiet."""

import asyncio
from uuid import UUID, uuid4

import structlog

from service.database import portal
from service.database.connection import UNREACHABLE, Database
from service.portal.gate import Gate

INTERVAL = 1.0  # seconds


class PortalShare:
    """This worker's part of the places at the portal."""

    def __init__(self, database: Database, gate: Gate, *, total: int) -> None:
        self._database = database
        self._gate = gate
        self._total = total
        self._worker_id: UUID = uuid4()
        self._renewed_at = 0.0
        self.granted = 0

    async def keep_for_ever(self) -> None:
        """Adjust the gate until cancelled, then give the share back."""
        try:
            while True:
                await self.agree()
                await asyncio.sleep(INTERVAL)
        finally:
            await asyncio.shield(asyncio.ensure_future(self._give_back()))

    async def agree(self) -> None:
        """Take the share that is due now. A database that is away changes nothing until the share has expired."""
        clock = asyncio.get_running_loop().time
        before = self._gate.limit
        # Nobody enters meanwhile: what is written must be what is in use.
        self._gate.set_limit(0)
        try:
            granted, pause = await self._ask()
        except Exception as error:  # noqa: BLE001  (process boundary: a loop that ended here would leave the gate shut)
            is_bug = not isinstance(error, UNREACHABLE)
            structlog.get_logger().warning("portal_share_not_renewed", error=type(error).__name__, exc_info=is_bug)
            is_mine = clock() < self._renewed_at + portal.GONE_AFTER.total_seconds() - 2 * INTERVAL
            self.granted = before if is_mine else 0
            self._gate.set_limit(self.granted)
            return
        self._renewed_at = clock()
        if pause:
            self._gate.pause(pause)
        self.granted = granted
        self._gate.set_limit(granted)

    async def _ask(self) -> tuple[int, float]:
        async with self._database.transaction() as connection:
            granted = await portal.agree_on_share(
                connection, self._worker_id, total=self._total, in_use=self._gate.in_flight
            )
            return granted, await portal.pause_left(connection)

    async def _give_back(self) -> None:
        try:
            async with self._database.connection() as connection:
                await portal.give_share_back(connection, self._worker_id)
        except UNREACHABLE:
            # It expires by itself.
            return
