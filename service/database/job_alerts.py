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
    """Of the jobs that failed lately and were not looked at yet, those that are to be told. Each once, whoever asks.

    Documents that a newer job has taken on count there.
    """
    rows = await connection.fetch_all(
        "WITH taken AS (UPDATE jobs SET alerted_at = now() WHERE status = 'failed' AND alerted_at IS NULL"
        " AND completed_at > now() - CAST(:within AS interval) RETURNING id, process_number)"
        " SELECT taken.id, count(documents.error_code) AS failed, count(*) AS documents FROM taken"
        " JOIN documents ON documents.process_number = taken.process_number AND documents.job_id = taken.id"
        " GROUP BY taken.id HAVING count(documents.error_code) * 2 > count(*) ORDER BY taken.id",
        {"within": within},
    )
    return [as_struct(row, MostlyFailed) for row in rows]
