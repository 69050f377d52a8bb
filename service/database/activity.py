"""What goes on, in a few numbers for operators."""

from datetime import datetime

import msgspec

from service.database import delivery_history
from service.database.connection import Connection


class Activity(msgspec.Struct, frozen=True):
    """How much there is to do, and what was done lately."""

    jobs: dict[str, int]  #: by status; those that have ended only if they were requested within a day
    oldest_waiting_job: datetime | None  #: when the one was requested that waits longest for a worker or the portal
    deliveries: dict[str, int]  #: by status, but for those that have succeeded
    overdue_delivery_seconds: float  #: how late the most overdue attempt is


async def look(connection: Connection) -> Activity:
    """The numbers of this moment."""
    return Activity(
        await _count_jobs(connection),
        await _oldest_waiting_job(connection),
        await delivery_history.open_counts(connection),
        await delivery_history.oldest_overdue(connection),
    )


async def _count_jobs(connection: Connection) -> dict[str, int]:
    rows = await connection.fetch_all(
        "SELECT status, count(*) AS number FROM jobs WHERE status IN ('pending', 'processing')"
        " OR created_at > now() - interval '1 day' GROUP BY status"
    )
    return {row["status"]: row["number"] for row in rows}


async def _oldest_waiting_job(connection: Connection) -> datetime | None:
    moment: datetime | None = await connection.fetch_val("SELECT min(created_at) FROM jobs WHERE status = 'pending'")
    return moment
