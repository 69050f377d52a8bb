"""Advisory locks that workers hold while they live. When a worker is killed its session ends, and its lock is free.

A worker is dead if all of these hold:

- Its lock is free. It was held when the worker reported last: `portal_slots.renew` records no other.
- It has not reported for `SILENCE`. A living worker that lost its session reports, and records no lock or a new one.
- The server has not restarted since, which ends the sessions of all workers.
"""

import secrets
from datetime import timedelta

import msgspec

from service.database import sessions
from service.database.connection import Connection

#: A worker whose session ended without its knowledge has this long to report. Busy workers report every 0.25 s.
SILENCE = timedelta(seconds=1.5)


class Taken(msgspec.Struct, frozen=True):
    """A lock that this session holds."""

    key: int
    is_direct: bool  #: no proxy or pooler stands between this process and PostgreSQL


async def take(connection: Connection) -> Taken:
    """Lock a new key until the session ends. From then on, the session may be idle for any time."""
    await connection.execute("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'")
    raw, key = connection.raw_connection, secrets.randbits(63)
    is_direct: bool = await connection.fetch_val(
        # A pooler has its own number of the session, and a proxy has its own port.
        "SELECT pg_backend_pid() = :pid AND inet_client_port() IS NOT DISTINCT FROM CAST(:port AS integer)"
        " FROM (SELECT pg_advisory_lock(:key)) AS taken",
        {"key": key, "pid": raw.get_server_pid(), "port": sessions.local_port(raw)},
    )
    return Taken(key, is_direct)


# The server has not restarted if a session is older than the report. A server that was promoted to primary keeps its
# sessions, but the last transaction that it had replayed was not before the reports that it received. Rows that another
# transaction has locked are skipped: their worker lives, or is released by that transaction.
_RELEASE_DEAD = """
WITH silent AS MATERIALIZED (
    SELECT worker_id, life_lock FROM portal_shares WHERE life_lock IS NOT NULL AND seen_at + :silence < now()
        AND coalesce(pg_last_xact_replay_timestamp() < seen_at, true) AND EXISTS (
            SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND backend_start < seen_at)
    FOR UPDATE SKIP LOCKED
), dead AS (
    DELETE FROM portal_shares WHERE worker_id IN (
        SELECT worker_id FROM silent WHERE pg_try_advisory_xact_lock_shared(life_lock))
    RETURNING worker_id
)
UPDATE portal_slots SET worker_id = NULL, expires_at = NULL WHERE number IN (
    SELECT number FROM portal_slots WHERE worker_id IN (SELECT worker_id FROM dead) FOR UPDATE SKIP LOCKED)
RETURNING number
"""


async def release_dead(connection: Connection) -> int:
    """Remove the reports of dead workers and release their slots. Returns the number of slots."""
    return len(await connection.fetch_all(_RELEASE_DEAD, {"silence": SILENCE}))
