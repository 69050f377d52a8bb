"""How much work there is, for operators. The queries of a metrics scrape read only partial indexes."""

import msgspec

from service.database.connection import Connection, as_struct


class OpenJobs(msgspec.Struct, frozen=True):
    """The jobs that have not ended."""

    pending: int
    processing: int
    oldest_waiting: float  #: seconds since the request of the oldest pending job; 0 if there is none


OPEN_JOBS = (
    "SELECT count(*) FILTER (WHERE status = 'pending') AS pending,"
    " count(*) FILTER (WHERE status = 'processing') AS processing,"
    " CAST(coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE status = 'pending')), 0)"
    " AS double precision) AS oldest_waiting FROM jobs WHERE status IN ('pending', 'processing')"
)


async def open_jobs(connection: Connection) -> OpenJobs:
    row = await connection.fetch_one(OPEN_JOBS)
    return as_struct(row, OpenJobs) if row is not None else OpenJobs(0, 0, 0.0)


class EndedJobs(msgspec.Struct, frozen=True):
    """Ended jobs among those requested within the last day."""

    completed: int
    failed: int
    cancelled: int


async def ended_jobs(connection: Connection) -> EndedJobs:
    """Count the ended jobs that were requested within the last day. Not for metrics scrapes."""
    row = await connection.fetch_one(
        "SELECT count(*) FILTER (WHERE status = 'completed') AS completed,"
        " count(*) FILTER (WHERE status = 'failed') AS failed,"
        " count(*) FILTER (WHERE status = 'cancelled') AS cancelled"
        " FROM jobs WHERE created_at > now() - interval '1 day'"
    )
    return as_struct(row, EndedJobs) if row is not None else EndedJobs(0, 0, 0)


class OpenDeliveries(msgspec.Struct, frozen=True):
    """The deliveries that have not succeeded."""

    waiting: int
    scheduled: int
    failed: int
    oldest_due: float  #: seconds since the longest overdue attempt should have been made; 0 if none is overdue


OPEN_DELIVERIES = (
    "SELECT (SELECT count(*) FROM deliveries WHERE status = 'waiting') AS waiting,"
    " (SELECT count(*) FROM deliveries WHERE status = 'scheduled') AS scheduled,"
    " (SELECT count(*) FROM deliveries WHERE status = 'failed') AS failed,"
    " (SELECT CAST(coalesce(extract(epoch FROM now() - min(next_attempt_at)), 0) AS double precision)"
    " FROM deliveries WHERE ring_at IS NOT NULL AND next_attempt_at <= now()) AS oldest_due"
)


async def open_deliveries(connection: Connection) -> OpenDeliveries:
    row = await connection.fetch_one(OPEN_DELIVERIES)
    return as_struct(row, OpenDeliveries) if row is not None else OpenDeliveries(0, 0, 0, 0.0)


class OpenChecks(msgspec.Struct, frozen=True):
    """The checks of watched cases."""

    due: int  #: 10,000 means that many or more
    failing: int  #: cases whose checks have failed for days
    oldest_due: float  #: seconds since the most overdue one should have been made; 0 if none is overdue
    per_hour: float  #: how many become due on average


OPEN_CHECKS = (
    "SELECT (SELECT count(*) FROM (SELECT 1 FROM watches WHERE next_check_at <= now() LIMIT 10000) AS late) AS due,"
    " (SELECT count(*) FROM watches WHERE failing_at IS NOT NULL) AS failing,"
    " (SELECT CAST(coalesce(extract(epoch FROM now() - min(next_check_at)), 0) AS double precision)"
    " FROM watches WHERE next_check_at <= now()) AS oldest_due,"
    " coalesce((SELECT 3600 * rate FROM check_pace), 0) AS per_hour"
)


async def open_checks(connection: Connection) -> OpenChecks:
    row = await connection.fetch_one(OPEN_CHECKS)
    return as_struct(row, OpenChecks) if row is not None else OpenChecks(0, 0, 0.0, 0.0)
