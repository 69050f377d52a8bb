"""Switches off endpoints that fail for days.

An endpoint is switched off by a failure if it has failed since `PATIENCE` without a success, at least `LEAST_FAILURES`
times, and since `ENDPOINT_BURST` without a pause of `PAUSE`. So one that is seldom called is not switched off by one
failure of today and some of last week.
"""

from datetime import timedelta

from service.database.connection import Connection
from service.domain.deliveries import Attempt, ClaimedDelivery

PATIENCE = timedelta(days=5)
ENDPOINT_BURST = timedelta(hours=12)
PAUSE = timedelta(days=2)
LEAST_FAILURES = 5

_FAILED = (
    "UPDATE webhook_endpoints SET failures = failures + 1, failed_at = clock_timestamp(), last_error = :error,"
    " failing_since = coalesce(failing_since, clock_timestamp()),"
    " burst_since = CASE WHEN failed_at > clock_timestamp() - CAST(:pause AS interval) THEN burst_since"
    " ELSE clock_timestamp() END WHERE id = :id AND url = :url RETURNING disabled_at IS NULL AND failures >= :least"
    " AND failing_since <= clock_timestamp() - CAST(:patience AS interval)"
    " AND burst_since <= clock_timestamp() - CAST(:burst AS interval) AS is_hopeless"
)
_WORKS = (
    "UPDATE webhook_endpoints SET failures = 0, failed_at = NULL, last_error = NULL, failing_since = NULL,"
    " burst_since = NULL WHERE id = :id AND url = :url AND failures > 0"
)
_SWITCH_OFF = (
    "UPDATE webhook_endpoints SET disabled_reason = 'failing', disabled_at = change_time(), given_up_at = change_time()"
    " WHERE id = :id"
)


async def note(connection: Connection, delivery: ClaimedDelivery, attempt: Attempt, *, failed: bool | None) -> bool:
    """Note the result of an attempt for the endpoint of its delivery. `failed`: None if it says nothing about that.

    Returns whether the endpoint was switched off now. An endpoint that has another URL meanwhile is left alone. Needs
    the transaction that has recorded the attempt: the delivery is locked before the endpoint.
    """
    if delivery.endpoint_id is None or failed is None:
        return False
    place = {"id": delivery.endpoint_id, "url": delivery.url}
    if not failed:
        await connection.execute(_WORKS, place)
        return False
    bounds = {"pause": PAUSE, "patience": PATIENCE, "burst": ENDPOINT_BURST, "least": LEAST_FAILURES}
    is_hopeless = await connection.fetch_val(_FAILED, {**place, "error": attempt.error, **bounds})
    if is_hopeless:
        # The row is locked since the statement before: no other worker switches it off too.
        await connection.execute(_SWITCH_OFF, {"id": delivery.endpoint_id})
    return bool(is_hopeless)
