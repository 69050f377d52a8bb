"""The pace of scheduled checks, one row for all workers: hours without checks are not made up for in minutes."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from service.database.connection import Connection, as_optional, as_struct

PACE = 2.0  # scheduled checks begin at most this many times as often as they become due on average
PACE_MIN = 0.1  # checks per second, however few cases are watched
CHECK_BURST = 10  # checks that may begin at once after a time without any
RATE_LIFETIME = timedelta(minutes=1)  # after this, the watched cases are counted again


class Pace(msgspec.Struct, frozen=True):
    """Whether the next scheduled check may begin."""

    moment: datetime  #: now, by the database's clock
    may_begin: bool
    rate: float  #: checks per second that become due on average

    @property
    def step(self) -> timedelta:
        """The time between two checks."""
        return timedelta(seconds=1 / max(PACE * self.rate, PACE_MIN))


async def lock(connection: Connection) -> Pace | None:
    """Lock the row, in a transaction. None: another worker claims just now."""
    row = await connection.fetch_one(
        "SELECT clock_timestamp() AS moment, next_at <= clock_timestamp() AS may_begin, rate"
        " FROM check_pace FOR UPDATE SKIP LOCKED"
    )
    return as_optional(row, Pace)


async def note_check(connection: Connection, pace: Pace) -> None:
    """Note that a scheduled check begins. What was not used for a time is a burst of at most `CHECK_BURST` checks."""
    await connection.execute(
        "UPDATE check_pace SET next_at = greatest(next_at, CAST(:earliest AS timestamptz)) + CAST(:step AS interval)",
        {"earliest": pace.moment - (CHECK_BURST - 1) * pace.step, "step": pace.step},
    )


class _Interval(msgspec.Struct, frozen=True):
    every: timedelta
    count: int


async def refresh_rate(connection: Connection, per_second: Callable[[timedelta], float]) -> None:
    """Count the watched cases, if that was not done within `RATE_LIFETIME`. `per_second`: checks at an interval."""
    is_due = await connection.fetch_val(
        "SELECT rate_at < now() - CAST(:lifetime AS interval) FROM check_pace", {"lifetime": RATE_LIFETIME}
    )
    if not is_due:
        return
    rows = await connection.fetch_all("SELECT every, count(*) AS count FROM watches GROUP BY every")
    intervals = [as_struct(row, _Interval) for row in rows]
    await connection.execute(
        "UPDATE check_pace SET rate = :rate, rate_at = now()",
        {"rate": float(sum(each.count * per_second(each.every) for each in intervals))},
    )
