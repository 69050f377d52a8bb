"""When watched cases are checked: evenly spread, at the same place of each interval, within the hours."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.monitoring.check_times import ALL_DAY, DAY, CheckHours, next_check, parse_hours, period
from service.domain.process_number import ProcessNumber

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
NIGHT = CheckHours(20, 6)
CASES = [ProcessNumber(f"{serial:07}00202482601{serial % 100:02}") for serial in range(40_000)]
MOMENTS = st.datetimes(datetime(2020, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  (it has a zone)
HOURS = st.builds(CheckHours, st.integers(0, 24), st.integers(0, 24))
INTERVALS = st.timedeltas(timedelta(seconds=1), timedelta(days=365))


def hours_of(moments: list[datetime]) -> Counter[datetime]:
    return Counter(moment.replace(minute=0, second=0, microsecond=0) for moment in moments)


@pytest.mark.parametrize(("hours", "open_hours"), [(ALL_DAY, 24), (NIGHT, 10), (CheckHours(8, 9), 1)])
def test_forty_thousand_daily_checks_make_a_flat_line(hours: CheckHours, open_hours: int) -> None:
    counted = hours_of([next_check(case, DAY, hours, after=NOON) for case in CASES])

    mean = len(CASES) / open_hours
    assert len(counted) == open_hours
    assert all(abs(count - mean) < 0.1 * mean for count in counted.values())


@given(number=st.sampled_from(CASES), every=INTERVALS, hours=HOURS, after=MOMENTS)
def test_the_next_check_is_later_within_the_hours_and_in_a_period_at_most(
    number: ProcessNumber, every: timedelta, hours: CheckHours, after: datetime
) -> None:
    found = next_check(number, every, hours, after=after)

    assert found > after
    # The last moment of the hours is that at which they close.
    assert hours.are_open(found) or hours.are_open(found - timedelta(microseconds=1))
    passed = hours.elapsed(found) - hours.elapsed(after)
    assert passed <= period(every, hours) + timedelta(microseconds=10)


@given(number=st.sampled_from(CASES), every=INTERVALS, hours=HOURS, after=MOMENTS, late=st.floats(0, 0.99))
def test_a_check_that_came_late_moves_none_of_the_later_ones(
    number: ProcessNumber, every: timedelta, hours: CheckHours, after: datetime, late: float
) -> None:
    length = period(every, hours)
    first = next_check(number, every, hours, after=after)
    second = next_check(number, every, hours, after=first)

    delayed = hours.moment(hours.elapsed(first) + late * length)

    assert abs(next_check(number, every, hours, after=max(first, delayed)) - second) <= timedelta(milliseconds=1) or (
        length < timedelta(seconds=2)
    )


def test_a_daily_check_is_at_the_same_time_each_day() -> None:
    moment = next_check(CASES[0], DAY, NIGHT, after=NOON)

    for _ in range(400):
        after = next_check(CASES[0], DAY, NIGHT, after=moment)
        assert after - moment == DAY
        moment = after


@pytest.mark.parametrize(
    ("every", "hours", "expected"),
    [
        (HOUR, ALL_DAY, HOUR),
        (5 * HOUR, ALL_DAY, 5 * HOUR),
        (HOUR, NIGHT, HOUR),
        (4 * HOUR, NIGHT, 5 * HOUR),  # twice in ten hours
        (12 * HOUR, NIGHT, 10 * HOUR),  # once
        (DAY, NIGHT, 10 * HOUR),
        (7 * DAY, NIGHT, 70 * HOUR),
    ],
)
def test_an_interval_is_kept_within_the_hours(every: timedelta, hours: CheckHours, expected: timedelta) -> None:
    assert period(every, hours) == expected


def test_hours_may_go_over_midnight_in_brasilia() -> None:
    assert parse_hours("20-6") == NIGHT
    opened = [hour for hour in range(24) if NIGHT.are_open(datetime(2026, 3, 4, hour, 30, tzinfo=UTC))]
    assert opened == [0, 1, 2, 3, 4, 5, 6, 7, 8, 23]
    assert {parse_hours(text).length for text in ("0-24", "24-0", "7-7")} == {DAY}


@pytest.mark.parametrize("text", ["25-3", "8", "a-b", "1-2-3"])
def test_other_hours_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"hour|unpack|int"):
        parse_hours(text)
