"""When the portal and the bucket last worked, and why they fail since then, as noted by all processes."""

from service.database.connection import Connection, as_struct
from service.domain.dependencies import Dependency, Health

# An older failure says nothing about now: a waiting job tries again at least every ten minutes.
PRESENT_FAILURE = "failed_at > now() - interval '15 minutes'"


async def note(connection: Connection, name: Dependency, reason: str | None) -> None:
    """Note a failure with its reason, or a success if `reason` is None."""
    if reason is None:
        await note_success(connection, name)
    else:
        await note_failure(connection, name, reason)


async def note_success(connection: Connection, name: Dependency) -> None:
    await connection.execute(
        "INSERT INTO dependencies (name, succeeded_at) VALUES (:name, now())"
        " ON CONFLICT (name) DO UPDATE SET succeeded_at = now(), failing_since = NULL",
        {"name": name},
    )


async def note_failure(connection: Connection, name: Dependency, reason: str) -> None:
    """Note a failure. `failing_since` stays, unless the last failure is older than 15 minutes."""
    await connection.execute(
        "INSERT INTO dependencies AS known (name, failed_at, failing_since, reason)"
        " VALUES (:name, now(), now(), :reason)"
        f" ON CONFLICT (name) DO UPDATE SET failing_since = CASE WHEN known.{PRESENT_FAILURE}"
        " THEN coalesce(known.failing_since, now()) ELSE now() END, failed_at = now(), reason = excluded.reason",
        {"name": name, "reason": reason},
    )


async def look(connection: Connection) -> dict[Dependency, Health]:
    """Return the health of every dependency."""
    rows = await connection.fetch_all(
        "SELECT name, succeeded_at, failed_at, reason,"
        f" CASE WHEN {PRESENT_FAILURE} THEN failing_since END AS failing_since,"
        f" CAST(CASE WHEN failing_since IS NOT NULL AND {PRESENT_FAILURE}"
        " THEN extract(epoch FROM failed_at - failing_since) ELSE 0 END AS double precision) AS failing_seconds"
        " FROM dependencies"
    )
    found = {row["name"]: as_struct(row, Health) for row in rows}
    return {name: found.get(name, Health(None, None, None, None, 0.0)) for name in Dependency}
