"""Up to which time a list in the order of changes is complete."""

from datetime import datetime

from service.database.connection import Connection


async def horizon(connection: Connection) -> datetime:
    """Return the time before which every change is committed or rolled back.

    For columns that are written with `change_time()`. Transactions do not commit in the order of these times, so a
    list returns only rows before the horizon; later ones come with the next request. Call it before reading the rows,
    in a separate statement, so that the rows are read from a newer snapshot.
    """
    moment: datetime = await connection.fetch_val("SELECT change_horizon()")
    return moment
