"""Targets of alerts in this process, and the alerts that they get."""

import asyncio
from typing import TYPE_CHECKING, cast
from uuid import uuid4

from service.database.connection import Database
from service.database.jobs.job_alerts import Topic
from worker.loops.alerts import tell

if TYPE_CHECKING:
    from service.observability.alert_targets import Target


class Witness:
    """A target that keeps its messages."""

    name = "witness"

    def __init__(self) -> None:
        self.key = f"witness {uuid4()}"
        self.heard: list[tuple[str, str]] = []
        self.refuses = False
        self.raises = False

    def notify(self, title: str, body: str) -> bool:
        """As `Target.notify`."""
        if self.raises:
            raise ConnectionError("away")
        if not self.refuses:
            self.heard.append((title, body))
        return not self.refuses


async def look(database: Database, witness: Witness, topic: Topic = Topic.DELIVERIES, *, workers: int = 1) -> list[str]:
    """Let workers check at the same time, after the pause of the targets, and return the bodies of the messages."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE alert_targets SET free_at = now() WHERE target = :key AND lease_token IS NULL", {"key": witness.key}
        )
    before = len(witness.heard)
    await asyncio.gather(*(tell(database, cast("Target", witness), topic) for _ in range(workers)))
    return [body for _title, body in witness.heard[before:]]
