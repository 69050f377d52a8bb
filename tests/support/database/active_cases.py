"""Active cases, made from those of `many_cases`."""

from service.database.connection import Connection

COURTS = ("TRF1", "TJAC")  # of nearly all cases, and of few

_STATEMENTS = (
    # The older half: a query that starts at the newest case has to pass all others.
    (
        "CREATE TEMPORARY TABLE old_cases ON COMMIT DROP AS SELECT number, created_at, place % 3 AS kind, place"
        " FROM (SELECT number, created_at, CAST(left(number, 7) AS integer) AS place FROM processes) AS cases"
        " WHERE place > (SELECT count(*) / 2 FROM processes)"
    ),
    "UPDATE processes SET court = CASE WHEN CAST(left(number, 7) AS integer) % 7 = 0 THEN 'TJAC' ELSE 'TRF1' END",
    # A third has a pending job, a third a job in progress, and some of the others have none.
    (
        "INSERT INTO jobs (id, process_number, status, refresh, request_id, created_at, lease_token, lease_expires_at)"
        " SELECT gen_random_uuid(), number, CASE WHEN kind = 0 THEN 'pending' ELSE 'processing' END, false, 'active',"
        " created_at, CASE WHEN kind = 1 THEN gen_random_uuid() END,"
        " CASE WHEN kind = 1 THEN now() + interval '1 hour' END FROM old_cases WHERE kind < 2"
    ),
    "UPDATE processes SET state = 'active' FROM old_cases WHERE old_cases.number = processes.number AND kind < 2",
    (
        "UPDATE processes SET state = 'pending' FROM old_cases"
        " WHERE old_cases.number = processes.number AND kind = 2 AND place % 5 = 0"
    ),
)


async def set_in_work(connection: Connection) -> None:
    """Make a third of the older cases processing and another third pending, in the caller's transaction."""
    for statement in _STATEMENTS:
        await connection.execute(statement)
