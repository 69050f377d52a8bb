"""Lists by time of change: up to where they are complete."""

from datetime import datetime

from service.database.connection import Connection


async def horizon(connection: Connection) -> datetime:
    """The time before which every change is committed or rolled back.

    For columns that are written with `change_time()`. Transactions commit in another order than their times, so a
    list serves only rows before the horizon; the others come with the next request. Read it before the rows, in a
    statement of its own: the rows are then seen by a newer snapshot.
    """
    moment: datetime = await connection.fetch_val("SELECT change_horizon()")
    return moment
