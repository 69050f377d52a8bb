"""The list of cases: ask for some, find one."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from service.actions import many_cases
from service.api.framework import pagination
from service.console.case_requests import CASES, ask_for, case_path, spend
from service.console.framework.declarations import Go, page, post
from service.console.framework.refusal import Refusal
from service.console.framework.visits import Visit
from service.console.views.bars import Bar, bar_of
from service.console.views.lists import query_of
from service.database.cases import process_lists
from service.database.cases.process_lists import DIGITS, ProcessRow, ProcessSearch
from service.domain.events import Counts
from service.domain.number_lists import numbers_in
from service.domain.positions import Position
from service.domain.process_number import ProcessNumber
from service.domain.statuses import FINAL_STATUSES, ProcessStatus

CASES_SHOWN = 25  # on a page
NUMBERS_MAX = 1000  # of one form
REFUSED_SHOWN = 5  # what looked like numbers, of one form
COURT_MAX = 100  # characters
QUERY_MAX = 200  # characters
#: A part of a case number, as people write it, with at least so many digits that it is no word.
_NUMBER_PART = re.compile(r"[0-9][0-9.\- ]{3,}")


class CaseLine(msgspec.Struct, frozen=True):
    """One case of the list."""

    number: str
    path: str
    court: str | None
    court_class: str | None
    subject: str | None
    status: ProcessStatus
    bar: Bar
    created_at: datetime


class CasesView(msgspec.Struct, frozen=True):
    """The list, what was looked for, and what became of the last form."""

    lines: Sequence[CaseLine]
    next_path: str | None
    query: str
    court: str
    status: str
    statuses: Sequence[str]
    is_filtered: bool
    requested: int | None  #: None: no form was sent
    refused: Sequence[str]
    refused_more: int


@page("cases.html")
async def index(visit: Visit) -> CasesView:
    """The cases, newest first."""
    query, court, status = visit.query("q")[:QUERY_MAX], visit.query("court")[:COURT_MAX], visit.query("status")
    after = pagination.position(visit.query("cursor") or None, Position[str])
    wanted = _search(query, court, status)
    async with visit.state["database"].connection() as connection:
        found = await process_lists.search(connection, wanted, after=after, limit=CASES_SHOWN + 1)
        rows, cursor = pagination.cut(found, CASES_SHOWN, lambda row: Position(row.created_at, row.number))
        unsettled = [ProcessNumber(row.number) for row in rows if row.status is not ProcessStatus.COMPLETED]
        counts = await process_lists.counts_of(connection, unsettled)
    return CasesView(
        lines=[_line(row, counts.get(ProcessNumber(row.number))) for row in rows],
        next_path=cursor and query_of(CASES, q=query, court=court, status=status, cursor=cursor),
        query=query,
        court=court,
        status=status,
        statuses=list(ProcessStatus),
        is_filtered=bool(query or court or wanted.status or after),
        **_outcome(visit),
    )


def _search(query: str, court: str, status: str) -> ProcessSearch:
    is_number = _NUMBER_PART.fullmatch(query) is not None
    return ProcessSearch(
        digits=re.sub("[^0-9]", "", query)[:DIGITS] if is_number else "",
        words="" if is_number else query,
        court=court or None,
        status=ProcessStatus(status) if status in set(ProcessStatus) else None,
    )


def _line(row: ProcessRow, counts: Counts | None) -> CaseLine:
    number = ProcessNumber(row.number)
    settled = row.total_documents if row.status is ProcessStatus.COMPLETED else 0
    bar = bar_of(counts or Counts(row.total_documents, settled, 0), is_ended=row.status in FINAL_STATUSES)
    return CaseLine(
        number=number.masked,
        path=case_path(number),
        court=row.court,
        court_class=row.court_class,
        subject=row.subject,
        status=row.status,
        bar=bar,
        created_at=row.created_at,
    )


def _outcome(visit: Visit) -> dict[str, Any]:
    """What the last form has done: its redirect says it, and a link of anybody else may say it too."""
    refused = visit.query("refused").split(",")[:REFUSED_SHOWN]
    return {
        "requested": _count(visit.query("requested")),
        "refused": [each for each in refused if re.fullmatch("[0-9.-]{1,60}", each)],
        "refused_more": _count(visit.query("more")) or 0,
    }


def _count(given: str) -> int | None:
    return int(given) if re.fullmatch("[0-9]{1,6}", given) else None


@post()
async def ask(visit: Visit) -> Go:
    """Ask for one case, whose page follows, or for many."""
    given = numbers_in("\n".join([visit.form.text("numbers"), visit.form.text("file")]))
    if len(given.numbers) > NUMBERS_MAX:
        raise Refusal("invalid_body", "Too many numbers.", advice="cases.too_many", status=422)
    if len(given.numbers) == 1 and not given.refused:
        [number] = given.numbers
        case = await ask_for(visit, number)
        return Go(case_path(number), done="case_kept" if case.is_unlisted else "case_requested")
    if not given.numbers and not given.refused:
        raise Refusal("invalid_body", "There is no case number.", advice="cases.nothing_asked", status=422)
    known = await many_cases.known_cases(visit.state, given.numbers)
    await spend(visit, visit.state["rates"].numbers, "numbers", cost=many_cases.starting(known))
    await many_cases.request_many(visit.state, known, user_id=visit.user.id, request_id=visit.state["request_id"])
    shown = ",".join(re.sub("[^0-9.-]", "", each) for each in given.refused[:REFUSED_SHOWN])
    more = len(given.refused) - REFUSED_SHOWN
    requested = str(len(given.numbers))
    return Go(query_of(CASES, requested=requested, refused=shown, more=str(more) if more > 0 else None))
