"""Which cases changed lately, however many there are and however many of them are followed."""

from datetime import datetime

from service.database.connection import Connection
from service.domain.process_number import ProcessNumber

MANY = 1000  # changed cases that are read at most; with more, any case may have changed


async def changed_since(connection: Connection, moment: datetime) -> set[ProcessNumber] | None:
    """The cases that were written at that moment or later, but for what a worker writes while it is at a case.

    None: there are `MANY` at least.
    """
    rows = await connection.fetch_all(
        f"SELECT number FROM processes WHERE updated_at >= :since ORDER BY updated_at LIMIT {MANY}", {"since": moment}
    )
    return None if len(rows) == MANY else {ProcessNumber(row["number"]) for row in rows}


async def in_work(connection: Connection) -> set[ProcessNumber]:
    """The cases that workers are at: these are few."""
    rows = await connection.fetch_all("SELECT process_number FROM jobs WHERE status = 'processing'")
    return {ProcessNumber(row["process_number"]) for row in rows}
