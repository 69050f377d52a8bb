"""Finds jobs that make no progress."""

from datetime import timedelta

from service.database.connection import Connection
from service.domain.jobs import ClaimedJob


async def got_nowhere(connection: Connection, job: ClaimedJob, *, within: timedelta) -> bool:
    """Whether a job is older than `within` and none of its documents was downloaded or failed in that time."""
    idle: bool = await connection.fetch_val(
        "SELECT greatest(created_at, (SELECT max(completed_at) FROM documents WHERE documents.job_id = jobs.id))"
        " + :within < now() FROM jobs WHERE id = :id",
        {"id": job.id, "within": within},
    )
    return idle
