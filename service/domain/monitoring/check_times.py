"""When a watched case is checked: spread over its interval by a hash of its number, within the hours of checks."""

import math
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import msgspec

from service.domain.process_number import ProcessNumber

DAY = timedelta(days=1)
# Brasília has had no summer time since 2019. With a fixed offset all days have the same length.
_START = datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=-3)))


class CheckHours(msgspec.Struct, frozen=True):
    """The hours of each day in which checks are made, in Brasília: from the first to the second, also over midnight."""

    first: int = 0
    last: int = 24

    @property
    def length(self) -> timedelta:
        """How long checks are made each day. Two equal hours are all day."""
        return timedelta(hours=(self.last - self.first - 1) % 24 + 1)

    def are_open(self, moment: datetime) -> bool:
        """Whether checks are made now."""
        return self._into(moment) % DAY < self.length

    def elapsed(self, moment: datetime) -> timedelta:
        """Return how much time within the hours has passed, since a fixed day."""
        days, rest = divmod(self._into(moment), DAY)
        return days * self.length + min(rest, self.length)

    def moment(self, elapsed: timedelta) -> datetime:
        """Return the first moment at which so much time within the hours has passed."""
        days, rest = divmod(elapsed, self.length)
        return (_START + timedelta(hours=self.first) + days * DAY + rest).astimezone(UTC)

    def _into(self, moment: datetime) -> timedelta:
        return moment - _START - timedelta(hours=self.first)


ALL_DAY = CheckHours()


def parse_hours(text: str) -> CheckHours:
    """Return the hours that a text such as `20-6` names. Raises `ValueError`."""
    first, last = (int(each) for each in text.split("-"))
    if not (0 <= first <= 24 and 0 <= last <= 24):
        raise ValueError("an hour is from 0 to 24")
    return CheckHours(first, last)


def period(every: timedelta, hours: CheckHours = ALL_DAY) -> timedelta:
    """Return the time within `hours` between two checks of a case.

    An interval of a day or more keeps its days. A shorter one is kept within the hours of a day: there is at least one
    check in them, and none comes earlier than `every` after the one before.
    """
    if hours.length == DAY:
        return every
    if every >= DAY:
        return every * (hours.length / DAY)
    return hours.length / max(1, hours.length // every)


def next_check(number: ProcessNumber, every: timedelta, hours: CheckHours, *, after: datetime) -> datetime:
    """Return the time of the next check of a case, later than `after`.

    The same case has the same place in each interval, so a check that came late moves none of the later ones.
    """
    length = period(every, hours)
    place = length * _share(number)
    passed = hours.elapsed(after) - place
    turns = math.floor(passed / length) + 1
    found = hours.moment(place + turns * length)
    # A moment may round to the one before it.
    return found if found > after else hours.moment(place + (turns + 1) * length)


def _share(number: ProcessNumber) -> float:
    """Return a number from 0 to below 1, evenly spread over all cases."""
    return int.from_bytes(sha256(number.digits.encode()).digest()[:6]) / 2**48
