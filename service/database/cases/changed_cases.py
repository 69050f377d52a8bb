"""Which cases changed recently. The cost does not depend on how many cases exist or are followed."""

from datetime import datetime

from service.database.connection import Connection
from service.domain.process_number import ProcessNumber

CHANGED_CASES_MAX = 1000  # changed cases that are read at most; beyond that, assume that any case may have changed


async def changed_since(connection: Connection, moment: datetime) -> set[ProcessNumber] | None:
    """Return the cases that were written at `moment` or later. Downloads during a job do not count: see `in_work`.

    None: there are at least `CHANGED_CASES_MAX`.
    """
    rows = await connection.fetch_all(
        f"SELECT number FROM processes WHERE updated_at >= :since ORDER BY updated_at LIMIT {CHANGED_CASES_MAX}",
        {"since": moment},
    )
    return None if len(rows) == CHANGED_CASES_MAX else {ProcessNumber(row["number"]) for row in rows}


async def in_work(connection: Connection) -> set[ProcessNumber]:
    """Return the cases that workers process now: these are few."""
    rows = await connection.fetch_all("SELECT process_number FROM jobs WHERE status = 'processing'")
    return {ProcessNumber(row["process_number"]) for row in rows}
