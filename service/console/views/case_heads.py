"""The head of a case, which every part of its page shows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from service.api.presenters.processes import progress_view
from service.console.case_requests import case_path
from service.console.views.bars import Bar, bar_of
from service.console.views.lists import Tab
from service.database.cases.case_data import StoredCase, StoredMovement
from service.database.cases.document_windows import Tally
from service.database.cases.processes import Overview
from service.domain.case_data import Party, Pole
from service.domain.errors import ErrorCode
from service.domain.monitoring.monitors import Monitor
from service.domain.process_number import ProcessNumber
from service.domain.statuses import ProcessStatus

PARTIES_IN_HEAD = 3  # of each side; the part of the parties has all
INTERVALS = ("1h", "6h", "12h", "1d", "7d")
TABS = (
    ("documents", ""),
    ("movements", "/movements"),
    ("parties", "/parties"),
    ("jobs", "/jobs"),
    ("webhooks", "/webhooks"),
    ("shares", "/shares"),
)


class CaseFacts(msgspec.Struct, frozen=True):
    """What is read of a case for its head."""

    number: ProcessNumber
    overview: Overview
    tally: Tally
    data: StoredCase | None
    monitor: Monitor | None  #: of the user


class Reason(msgspec.Struct, frozen=True):
    """Why documents failed, and how many."""

    key: str  #: of the sentence
    count: int


class CaseHead(msgspec.Struct, frozen=True):
    """A case, without its documents."""

    number: str
    path: str
    court: str | None
    court_class: str | None
    subject: str | None
    filed_at: datetime | None
    secrecy_level: int | None
    listed_at: datetime | None
    status: ProcessStatus
    is_active: bool  #: a job works on it or waits to
    bar: Bar
    failures: Sequence[Reason]
    error_key: str | None  #: of the sentence that says why the case could not be listed
    lacks_documents: bool  #: a request may download something
    value: float | None
    judging_body: str | None
    parties: Sequence[Party]
    parties_total: int
    last_movement: StoredMovement | None
    every: timedelta | None  #: None: the user does not watch it
    choices: Sequence[str]  #: the intervals to watch it at
    tabs: Sequence[Tab]

    @property
    def has_files(self) -> bool:
        """Whether there is anything to download at once."""
        return self.bar.done > 0


def reason_key(code: str | None) -> str:
    """The key of the sentence for an error code."""
    return f"reason.{code}" if code in set(ErrorCode) else "reason.unknown"


def case_head(facts: CaseFacts, part: str) -> CaseHead:
    """The head. `part` is the name of the part that is shown."""
    process, counts = facts.overview.process, facts.tally.counts
    progress = progress_view(facts.number, facts.overview, counts)
    is_active = facts.overview.active_job is not None
    is_ended = not is_active and process.listed_at is not None
    return CaseHead(
        number=facts.number.masked,
        path=case_path(facts.number),
        court=process.court,
        court_class=process.court_class,
        subject=process.subject,
        filed_at=process.filed_at,
        secrecy_level=process.secrecy_level,
        listed_at=process.listed_at,
        status=progress.status,
        is_active=is_active,
        bar=bar_of(
            counts, at_least=progress.progress_percentage if is_active and counts.total else 0, is_ended=is_ended
        ),
        failures=[Reason(reason_key(code), count) for code, count in facts.tally.failures.items()],
        error_key=None if is_active or progress.error_code is None else reason_key(progress.error_code),
        lacks_documents=not is_active and (counts.total > counts.completed or process.listed_at is None),
        every=None if facts.monitor is None else facts.monitor.every,
        choices=INTERVALS,
        tabs=_tabs(facts, part),
        **_data(facts.data),
    )


def _data(data: StoredCase | None) -> dict[str, Any]:
    if data is None:
        return {"value": None, "judging_body": None, "parties": (), "parties_total": 0, "last_movement": None}
    sides = [[each for each in data.parties if each.pole is pole][:PARTIES_IN_HEAD] for pole in Pole]
    return {
        "value": data.value,
        "judging_body": data.judging_body,
        "parties": [each for side in sides for each in side],
        "parties_total": data.parties_total,
        "last_movement": data.last_movement,
    }


def _tabs(facts: CaseFacts, part: str) -> list[Tab]:
    data = facts.data
    counts = {
        "documents": facts.tally.counts.total,
        "movements": 0 if data is None else data.movements_total,
        "parties": 0 if data is None else data.parties_total,
    }
    return [Tab(f"case.{name}", case_path(facts.number, rest), name == part, counts.get(name)) for name, rest in TABS]
