"""Finds which of the followed cases a poll has to load: cases that did not change since the last one are not read."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from service.database.cases import changed_cases
from service.database.connection import Connection
from service.domain.process_number import ProcessNumber

POLLS_UNTIL_ALL = 20  # polls, then one loads all followed cases: a job may be in work only between two polls


class ToLoad(msgspec.Struct, frozen=True):
    """What one poll has to load."""

    cases: set[ProcessNumber]
    changed: set[ProcessNumber]  #: those of them that were written since the last poll, or that a worker processes


class ChangedCases:
    """Remembers the time up to which the last poll saw all changes, and which cases were in work then."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._in_work: set[ProcessNumber] = set()
        self._partial_polls = 0

    async def find(self, connection: Connection, followed: Collection[ProcessNumber]) -> ToLoad:
        """What to load of the followed cases. Call it in the database snapshot in which they will be loaded."""
        everything = set(followed)
        # Jobs that were in work at the last poll have ended, wait again, or are still in work.
        changed, self._in_work = self._in_work, await changed_cases.in_work(connection) & everything
        since = self._since
        written = None if since is None else await changed_cases.changed_since(connection, since)
        if written is None:
            return ToLoad(everything, everything)
        changed |= self._in_work | written
        self._partial_polls += 1
        if self._partial_polls > POLLS_UNTIL_ALL:
            self._partial_polls = 0
            return ToLoad(everything, everything & changed)
        return ToLoad(everything & changed, everything & changed)

    def passed(self, moment: datetime) -> None:
        """Note that a poll saw every change before `moment`: the horizon, read before the snapshot of the poll."""
        self._since = moment

    def lost(self) -> None:
        """Note that changes may have been missed: the next poll loads everything."""
        self._since = None
