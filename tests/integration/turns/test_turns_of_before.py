"""Jobs of the version before turns keep their position."""

import asyncpg
import yoyo

from service.database import schema
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.turns import Turns
from tests.support.deliveries.deliveries import open_pool


async def test_jobs_of_the_version_before_are_in_the_queue(stack: Stack) -> None:
    url = await create_database(stack, migrated=False)
    backend = yoyo.get_backend(url.replace("postgresql://", "postgresql+psycopg://"))
    steps = list(yoyo.read_migrations(str(schema.DIRECTORY)))
    before = [step for step in steps if step.id < "0013"]
    backend.apply_migrations(backend.to_apply(yoyo.migrations.MigrationList(before)))
    connection = await asyncpg.connect(url)
    await connection.execute(BEFORE)
    backend.apply_migrations(backend.to_apply(yoyo.migrations.MigrationList(steps)))
    backend.connection.close()

    rows = await connection.fetch(
        "SELECT left(process_number, 1) AS job, name, ready_at IS NULL AS ready FROM job_queue"
        " JOIN jobs ON jobs.id = job_id LEFT JOIN users ON users.id = job_queue.user_id ORDER BY 1, 2"
    )
    assert [tuple(row) for row in rows] == [
        ("1", "a", True),
        ("1", "b", True),
        ("3", "a", False),
        ("4", None, True),
    ]
    await connection.close()
    async with open_pool(url) as pool:
        queue = Turns(pool)
        # A job whose worker was killed since joins them.
        await queue.fetch(
            "UPDATE jobs SET status = 'pending', lease_token = NULL, lease_expires_at = NULL"
            " WHERE status = 'processing' RETURNING 1"
        )
        assert len([job for job in [await queue.claim(wants_more=True) for _ in range(4)] if job]) == 3


#: 1: waits, of two users; 2: is worked on; 3: waits for a portal that failed; 4: of a user who was removed; 5: ended.
BEFORE = """
INSERT INTO users (id, name, role) SELECT gen_random_uuid(), name, 'user' FROM unnest(ARRAY['a', 'b']) AS name;
INSERT INTO processes (number) SELECT repeat(CAST(n AS text), 20) FROM generate_series(1, 5) AS n;
INSERT INTO jobs (id, process_number, refresh, user_id, request_id, status, lease_token, lease_expires_at, ring_at,
    listing_failures, completed_at)
SELECT gen_random_uuid(), repeat(CAST(n AS text), 20), false,
    CASE WHEN n <> 4 THEN (SELECT id FROM users WHERE name = 'a') END, 'r',
    CASE n WHEN 2 THEN 'processing' WHEN 5 THEN 'completed' ELSE 'pending' END,
    CASE WHEN n = 2 THEN gen_random_uuid() END, CASE WHEN n = 2 THEN now() END,
    CASE WHEN n = 2 THEN now() ELSE now() + interval '1 minute' END,
    CASE WHEN n = 3 THEN 2 ELSE 0 END, CASE WHEN n = 5 THEN now() END
FROM generate_series(1, 5) AS n;
INSERT INTO job_users (user_id, created_at, job_id) SELECT user_id, created_at, id FROM jobs WHERE user_id IS NOT NULL;
INSERT INTO job_users (user_id, created_at, job_id)
SELECT users.id, jobs.created_at, jobs.id FROM jobs, users WHERE process_number LIKE '1%' AND name = 'b';
"""
