"""Many pending jobs, made by SQL, as after a few firms requested all of their cases."""

from collections.abc import Sequence
from uuid import UUID

from service.database.connection import Database

#: Half of them the first user's; in each lane half of them. As the triggers would put them into the queue.
_ROWS = (
    "SET LOCAL session_replication_role = replica",
    (
        "CREATE TEMPORARY TABLE waiting ON COMMIT DROP AS SELECT gen_random_uuid() AS id,"
        " lpad(CAST(place AS text), 20, '0') AS number, now() - place * interval '1 millisecond' AS moment,"
        " place / 2 % 2 AS lane, (CAST(:users AS uuid[]))[CASE WHEN place % 2 = 0 THEN 1"
        " ELSE 1 + place / 4 % cardinality(CAST(:users AS uuid[])) END] AS user_id"
        " FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS place"
    ),
    "INSERT INTO processes (number) SELECT number FROM waiting",
    (
        "INSERT INTO jobs (id, process_number, refresh, user_id, request_id, lane, created_at)"
        " SELECT id, number, false, user_id, 'waiting', lane, moment FROM waiting"
    ),
    "INSERT INTO job_users (user_id, created_at, job_id) SELECT user_id, moment, id FROM waiting",
    (
        "INSERT INTO job_queue (job_id, user_id, lane, created_at)"
        " SELECT id, user_id, lane, moment FROM waiting ORDER BY moment"
    ),
    "INSERT INTO turns (user_id, virtual_time) SELECT DISTINCT user_id, 0 FROM waiting ON CONFLICT DO NOTHING",
)


PART = 50_000  # jobs of a transaction: a statement has an end


async def add_waiting(database: Database, users: Sequence[UUID], count: int) -> None:
    """Add jobs and collect statistics."""
    for first in range(1, count + 1, PART):
        values = {"users": list(users), "first": first, "last": min(count, first + PART - 1)}
        async with database.transaction() as connection:
            for statement in _ROWS:
                used = {name: value for name, value in values.items() if f":{name}" in statement}
                await connection.execute(statement, used)
    async with database.connection() as connection:
        await connection.execute("VACUUM ANALYZE")
