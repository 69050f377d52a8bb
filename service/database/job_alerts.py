"""Jobs that operators have to be told of."""

from datetime import timedelta
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct


class MostlyFailed(msgspec.Struct, frozen=True):
    """A job more than half of whose documents failed."""

    id: UUID
    failed: int
    documents: int  #: of the job, not of the case


async def take_mostly_failed(connection: Connection, *, within: timedelta) -> list[MostlyFailed]:
    """Those that ended lately and of which nobody was told yet. Each is answered once, whoever asks."""
    rows = await connection.fetch_all(
        "UPDATE jobs SET alerted_at = now() WHERE failed_documents * 2 > total_documents AND alerted_at IS NULL"
        " AND completed_at > now() - CAST(:within AS interval)"
        " RETURNING id, failed_documents AS failed, total_documents AS documents",
        {"within": within},
    )
    return [as_struct(row, MostlyFailed) for row in rows]
