"""When API keys were last used, to about a minute."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from service.database.connection import Connection

KEY_USE_PRECISION = timedelta(minutes=1)  # a use is written if it is this much later than the stored one


async def note(connection: Connection, used: Mapping[UUID, timedelta]) -> None:
    """Write when each key was used, from how long ago that was, if the stored time is older by `KEY_USE_PRECISION`.

    Never waits: a row that another process has locked is skipped.
    """
    await connection.execute(
        "WITH used AS (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:ages AS interval[])) AS used (id, age)),"
        " locked AS (SELECT api_keys.id, now() - age AS moment FROM api_keys JOIN used USING (id)"
        " WHERE coalesce(last_used_at < now() - age - CAST(:precision AS interval), true)"
        " FOR NO KEY UPDATE OF api_keys SKIP LOCKED)"
        " UPDATE api_keys SET last_used_at = moment FROM locked WHERE api_keys.id = locked.id",
        {"ids": list(used), "ages": list(used.values()), "precision": KEY_USE_PRECISION},
    )
