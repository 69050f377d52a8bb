"""Which of many followed cases one look has to load: what did not change since the last one is not read."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from service.database.cases import changed_cases
from service.database.connection import Connection
from service.domain.process_number import ProcessNumber

EVERYTHING_AFTER = 20  # looks; one that loads all followed cases: a processing job may come and go between two looks


class ToLook(msgspec.Struct, frozen=True):
    """What one look is to load."""

    cases: set[ProcessNumber]
    changed: set[ProcessNumber]  #: those of them that were written since the last look, or that a worker is at


class ChangedCases:
    """Remembers up to where the last look saw everything, and which cases workers were at."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._in_work: set[ProcessNumber] = set()
        self._partial_looks = 0

    async def find(self, connection: Connection, followed: Collection[ProcessNumber]) -> ToLook:
        """What to load of the cases that are followed. Needs the snapshot in which it will be loaded."""
        everything = set(followed)
        # Those that a worker was at have ended, wait again, or are still at work.
        changed, self._in_work = self._in_work, await changed_cases.in_work(connection) & everything
        since = self._since
        written = None if since is None else await changed_cases.changed_since(connection, since)
        if written is None:
            return ToLook(everything, everything)
        changed |= self._in_work | written
        self._partial_looks += 1
        if self._partial_looks > EVERYTHING_AFTER:
            self._partial_looks = 0
            return ToLook(everything, everything & changed)
        return ToLook(everything & changed, everything & changed)

    def passed(self, moment: datetime) -> None:
        """A look told of everything before this moment, which is the horizon of before its snapshot."""
        self._since = moment

    def lost(self) -> None:
        """Nobody looks for a while: the next look loads everything."""
        self._since = None
