"""The requests to the portal: a bounded journal, and exact counts."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from service.local.simulator.cases.cases import CaseDocument

JOURNAL_LENGTH = 20_000
FLIGHT = "autos.flight"  # where the scope of a request holds its flight


@dataclass(slots=True)
class Entry:
    """One request. `status` is None until the answer starts; `time` is Unix time in seconds."""

    time: float
    method: str
    path: str
    had_authorization: bool
    user_agent: str
    status: int | None = None


@dataclass(slots=True)
class DocumentCount:
    """`requests` of the binary or the text; `complete`: right answers that were sent to their last byte."""

    number: str
    instance: str
    origin_id: str
    requests: int = 0
    complete: int = 0
    by_uuid: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Gauge:
    """How many at the same time, now and at most. `seconds`: of all of them together.

    `longest`: by number, the longest time in seconds for which there were so many or more.
    """

    now: int = 0
    most: int = 0
    seconds: float = 0.0
    longest: dict[int, float] = field(default_factory=dict)
    _since: dict[int, float] = field(default_factory=dict)
    _counted_at: float = field(default_factory=time.monotonic)

    def count(self) -> float:
        """`seconds` until now."""
        at = time.monotonic()
        self.seconds += self.now * (at - self._counted_at)
        self._counted_at = at
        return self.seconds

    def up(self) -> None:
        self.count()
        self.now += 1
        self.most = max(self.most, self.now)
        self._since[self.now] = time.monotonic()

    def down(self) -> None:
        self.count()
        lasted = time.monotonic() - self._since.pop(self.now)
        self.longest[self.now] = max(self.longest.get(self.now, 0.0), lasted)
        self.now -= 1

    def clear(self) -> None:
        """Reset the gauge; what is in flight stays counted."""
        self.count()
        self.most, self.seconds = self.now, 0.0
        self.longest.clear()


class Flight:
    """A request from its arrival until its last byte is handed to the connection."""

    def __init__(self, entry: Entry, gauges: Sequence[Gauge]) -> None:
        self._entry = entry
        self._gauges = gauges
        self._landed = False
        for gauge in gauges:
            gauge.up()

    def answered(self, status: int) -> None:
        self._entry.status = status

    def land(self) -> None:
        """Call it before the last byte is sent: the client may send its next request before this code goes on."""
        if self._landed:
            return
        self._landed = True
        for gauge in self._gauges:
            gauge.down()


class Journal:
    """The last `JOURNAL_LENGTH` requests, and counts of all since the last reset."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=JOURNAL_LENGTH)
        self.total = 0
        self.in_flight = Gauge()
        self.documents_in_flight = Gauge()
        self.listings: dict[str, int] = {}
        self.documents: dict[tuple[str, str], DocumentCount] = {}

    def clear(self) -> None:
        """Deletes entries and counts; what is in flight stays counted."""
        self.entries.clear()
        self.listings.clear()
        self.documents.clear()
        self.total = 0
        for gauge in (self.in_flight, self.documents_in_flight):
            gauge.clear()

    def open(self, method: str, path: str, had_authorization: bool, user_agent: str) -> Flight:
        entry = Entry(time.time(), method, path, had_authorization, user_agent)
        self.entries.append(entry)
        self.total += 1
        of_document = path.endswith(("/binario", "/texto"))
        return Flight(entry, [self.in_flight, self.documents_in_flight] if of_document else [self.in_flight])

    def listing_asked(self, number: str) -> None:
        self.listings[number] = self.listings.get(number, 0) + 1

    def document_asked(self, document: CaseDocument, address: str) -> None:
        count = self._count(document)
        count.requests += 1
        count.by_uuid[address] = count.by_uuid.get(address, 0) + 1

    def document_completed(self, document: CaseDocument) -> None:
        self._count(document).complete += 1

    def _count(self, document: CaseDocument) -> DocumentCount:
        fresh = DocumentCount(document.case_number, document.instance, document.origin_id)
        return self.documents.setdefault((document.case_number, document.identity), fresh)
