"""Days of checks, by a clock that the test moves: a flat line, and no wall after hours without the portal."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from service.database.connection import Connection
from service.database.monitors import pace, watches
from service.database.monitors.watches import Checker
from service.domain.errors import ErrorCode
from service.domain.monitoring.check_times import ALL_DAY, next_check, period
from service.domain.process_number import ProcessNumber
from service.local.stack import Stack
from tests.support.database.moved_clock import MovedClock, moved_clock
from tests.support.database.watchers import add_watches
from worker.tasks.check_watch import backoff

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OUTAGE = (START + HOUR, START + 7 * HOUR)
CHECKER = Checker(at_once=5, hours=ALL_DAY)  # half of ten places
PORTAL_TIME = timedelta(seconds=2)  # for one listing


async def add_user(connection: Connection) -> None:
    await connection.execute("INSERT INTO users (id, name, role) VALUES (gen_random_uuid(), 'days', 'user')")


async def add_cases(clock: MovedClock, count: int) -> None:
    await add_user(clock.connection)
    user_id = await clock.connection.fetch_val("SELECT id FROM users")
    cases = [ProcessNumber(f"{serial:07}00202482601{serial % 100:02}") for serial in range(count)]
    due = [next_check(case, DAY, ALL_DAY, after=START) for case in cases]
    assert await add_watches(clock.connection, user_id, due) == cases


@dataclass
class Days:
    """Checks of one worker, each as long as the portal takes."""

    clock: MovedClock
    outage: tuple[datetime, datetime]
    begun: Counter[int] = field(default_factory=Counter)  #: checks in each hour
    running: list[tuple[datetime, watches.ClaimedWatch]] = field(default_factory=list)

    async def go_on(self, end: datetime) -> None:
        while self.clock.now < end:
            await self._finish()
            if not await self._begin():
                await self._wait()

    async def _begin(self) -> bool:
        async with self.clock.connection.raw_connection.transaction():
            claimed = await watches.claim_next(self.clock.connection, CHECKER)
        if claimed is None:
            return False
        self.begun[int((self.clock.now - START) / HOUR)] += 1
        self.running.append((self.clock.now + PORTAL_TIME, claimed))
        return True

    async def _finish(self) -> None:
        connection = self.clock.connection
        while self.running and self.running[0][0] <= self.clock.now:
            _, watch = self.running.pop(0)
            if self.outage[0] <= self.clock.now < self.outage[1]:
                delay = backoff(watch.failures, watch.every)
                await watches.fail(connection, watch, ErrorCode.PORTAL_UNAVAILABLE, delay=delay)
            else:
                await watches.succeed(connection, watch, await watches.hold(connection, watch), ALL_DAY)

    async def _wait(self) -> None:
        """Move the clock to when something can happen next."""
        following: datetime = await self.clock.connection.fetch_val(_FOLLOWING)
        if self.running:
            following = min(following, self.running[0][0])
        await self.clock.move(max(following, self.clock.now + timedelta(milliseconds=10)))


_FOLLOWING = (
    "SELECT greatest((SELECT next_check_at FROM watches WHERE lease_token IS NULL ORDER BY next_check_at LIMIT 1),"
    " (SELECT nullif(next_at, '-infinity') FROM check_pace))"
)


async def watched(stack: Stack, count: int, hours: int, outage: tuple[datetime, datetime]) -> list[int]:
    """Checks that began in each of so many hours, of so many daily monitors."""
    async with moved_clock(stack, START) as clock:
        await add_cases(clock, count)
        await pace.refresh_rate(clock.connection, lambda every: 1 / period(every).total_seconds())
        days = Days(clock, outage)
        await days.go_on(START + hours * HOUR)
    return [days.begun[hour] for hour in range(hours)]


async def test_after_the_portal_was_away_checks_are_made_at_twice_the_pace(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with 40,000 monitors, for which the least pace is too low to matter."""
    monkeypatch.setattr(pace, "PACE_MIN", 0)
    mean = 20

    hours = await watched(stack, 24 * mean, 9, (START + HOUR, START + 4 * HOUR))

    assert max(hours) <= 2 * mean + pace.CHECK_BURST, hours
    assert sum(hours[4:]) >= mean * 5, hours


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_forty_thousand_daily_monitors_make_a_flat_line_before_and_after_an_outage(stack: Stack) -> None:
    mean = 40_000 / 24

    hours = await watched(stack, 40_000, 20, OUTAGE)

    # Until the last try of a check that failed during the outage: backoff doubles up to half a day.
    caught_up = 15
    assert all(abs(count - mean) <= 0.1 * mean for count in [hours[0], *hours[caught_up:]]), hours
    assert max(hours) <= 2 * mean + pace.CHECK_BURST, hours
    # All that was missed was made up for.
    assert sum(hours[7:caught_up]) >= 0.97 * mean * (caught_up - 1), hours
