"""Which users have access to a job, and which ones wait for it."""

from uuid import UUID

from service.database.connection import Connection


async def grant_access(connection: Connection, job_id: UUID, user_id: UUID) -> None:
    """Give a user access to a job and let the user wait for it, even after `withdraw`."""
    await connection.execute(
        "INSERT INTO job_users (user_id, created_at, job_id) SELECT :user_id, created_at, id FROM jobs"
        " WHERE id = :id ON CONFLICT (user_id, created_at, job_id) DO UPDATE SET withdrawn_at = NULL"
        " WHERE job_users.withdrawn_at IS NOT NULL",
        {"id": job_id, "user_id": user_id},
    )


async def withdraw(connection: Connection, job_id: UUID, user_id: UUID) -> bool:
    """Note that a user no longer waits for a job. True: other users still do."""
    await connection.execute(
        "UPDATE job_users SET withdrawn_at = now() WHERE job_id = :id AND user_id = :user_id AND withdrawn_at IS NULL",
        {"id": job_id, "user_id": user_id},
    )
    others = await connection.fetch_val(
        "SELECT 1 FROM job_users JOIN users ON users.id = job_users.user_id WHERE job_id = :id"
        " AND withdrawn_at IS NULL AND deleted_at IS NULL LIMIT 1",
        {"id": job_id},
    )
    return others is not None


async def copy_access(connection: Connection, job_id: UUID, *, like_job_id: UUID) -> None:
    """Give every user who can see `like_job_id` access to this job. Users who withdrew there do not wait here."""
    await connection.execute(
        "INSERT INTO job_users (user_id, created_at, job_id, withdrawn_at)"
        " SELECT seen.user_id, jobs.created_at, jobs.id, seen.withdrawn_at"
        " FROM job_users AS seen CROSS JOIN jobs WHERE seen.job_id = :like_job_id AND jobs.id = :id"
        " ON CONFLICT DO NOTHING",
        {"id": job_id, "like_job_id": like_job_id},
    )
