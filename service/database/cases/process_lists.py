"""Lists of court cases. Each page is read from an index, so its cost does not depend on the number of cases."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct
from service.database.document_counts import COUNTS
from service.database.horizon import horizon
from service.domain.events import Counts
from service.domain.positions import Position
from service.domain.process_number import ProcessNumber
from service.domain.statuses import FINAL_STATUSES, JobStatus, ProcessStatus

#: Words are looked for in this many of the newest cases: no index has them, and a page must not read a million cases.
SEARCHED_CASES = 10_000
SEARCH_WORDS_MAX = 5  # further words are not looked for
DIGITS = 20  # of a whole case number


class ProcessRow(msgspec.Struct, frozen=True):
    """A process as a list shows it."""

    number: str
    court: str | None
    court_class: str | None
    subject: str | None
    filed_at: datetime | None
    secrecy_level: int | None
    total_documents: int
    status: ProcessStatus
    job_id: UUID | None  #: of the job that works on it
    created_at: datetime
    updated_at: datetime


class ProcessFilter(msgspec.Struct, frozen=True):
    """Which processes are wanted. None means all."""

    court: str | None = None
    status: ProcessStatus | None = None
    has_documents: bool | None = None
    updated_since: datetime | None = None


_COLUMNS = (
    "SELECT number, court, court_class, subject, filed_at, secrecy_level, processes.total_documents,"
    " coalesce(job.status, state) AS status, job.id AS job_id, processes.created_at, updated_at"
)
_ROW = (
    f"{_COLUMNS} FROM processes"
    " LEFT JOIN jobs AS job ON job.process_number = number AND job.status IN ('pending', 'processing')"
)


async def page(
    connection: Connection, wanted: ProcessFilter, *, after: Position[str] | None, limit: int
) -> list[ProcessRow]:
    """Return the matching processes, newest first, starting after a position.

    With `updated_since`, in the order in which they changed, up to the horizon: a process that changes meanwhile is
    listed again, and none is missed.
    """
    conditions, values = _conditions(wanted)
    values["limit"] = limit
    if after is not None:
        values |= {"moment": after.moment, "after": after.key}
    if wanted.updated_since is not None:
        conditions += [*_STATUSES.get(wanted.status, ()), "updated_at < :horizon"]
        values["horizon"] = await horizon(connection)
        query = _ordered(_ROW, conditions, ("updated_at", "number"), after, is_newest_first=False)
    else:
        query = _newest_first(wanted, conditions, after)
    return [as_struct(row, ProcessRow) for row in await connection.fetch_all(query, values)]


def _newest_first(wanted: ProcessFilter, conditions: list[str], after: Position[str] | None) -> str:
    """Return SQL that reads indexes in the order of the list, and little more of them than one page."""
    if wanted.status is ProcessStatus.PROCESSING:
        return _active(JobStatus.PROCESSING, conditions, after)
    if wanted.status in FINAL_STATUSES and after is None:
        # The newest cases may all have other states, and PostgreSQL would scan them in the order of time. With the
        # state in ORDER BY it uses the index on both. It is only one state, so the order is the same.
        within = f"state BETWEEN '{wanted.status}' AND '{wanted.status}'"
        return f"{_ROW} WHERE {' AND '.join([*conditions, within])} ORDER BY state, {_BY_TIME} LIMIT :limit"
    if wanted.status is not ProcessStatus.PENDING:
        return _ordered(_ROW, [*conditions, *_STATUSES.get(wanted.status, ())], _PLACE, after)
    without_job = _ordered(_ROW, [*conditions, "state = 'pending'"], _PLACE, after)
    if wanted.court is None:
        waiting = _active(JobStatus.PENDING, conditions, after)
    else:
        # The active cases of the court: except for the few that workers process, their jobs are pending.
        rows = (
            f"{_COLUMNS} FROM processes CROSS JOIN LATERAL (SELECT id, status FROM jobs"
            " WHERE process_number = number AND status = 'pending' LIMIT 1) AS job"
        )
        waiting = _ordered(rows, [*conditions, "state = 'active'"], _PLACE, after)
    return (
        f"SELECT * FROM (({without_job}) UNION ALL ({waiting})) AS either"
        " ORDER BY created_at DESC, number DESC LIMIT :limit"
    )


def _active(status: JobStatus, conditions: list[str], after: Position[str] | None) -> str:
    """Return SQL that lists cases by their active jobs, which have copies of the columns of the order."""
    rows = f"{_COLUMNS} FROM jobs AS job JOIN processes ON number = job.process_number"
    wanted = [*conditions, f"job.status = '{status}'"]
    return _ordered(rows, wanted, ("job.process_created_at", "job.process_number"), after)


_PLACE = ("processes.created_at", "number")
_BY_TIME = "processes.created_at DESC, number DESC"


def _ordered(
    rows: str,
    conditions: list[str],
    place: tuple[str, str],
    after: Position[str] | None,
    *,
    is_newest_first: bool = True,
) -> str:
    direction, beyond = ("DESC", "<") if is_newest_first else ("ASC", ">")
    if after is not None:
        conditions = [*conditions, f"({place[0]}, {place[1]}) {beyond} (:moment, :after)"]
    return (
        f"{rows} WHERE {' AND '.join(conditions or ['true'])}"
        f" ORDER BY {place[0]} {direction}, {place[1]} {direction} LIMIT :limit"
    )


def _conditions(wanted: ProcessFilter) -> tuple[list[str], dict[str, Any]]:
    """Return the conditions, and their values, that do not depend on the status."""
    conditions, values = list[str](), dict[str, Any]()
    if wanted.court is not None:
        conditions.append("court = :court")
        values["court"] = wanted.court
    if wanted.has_documents is not None:
        conditions.append(f"processes.total_documents {'>' if wanted.has_documents else '='} 0")
    if wanted.updated_since is not None:
        conditions.append("updated_at >= :since")
        values["since"] = wanted.updated_since
    return conditions, values


_STATUSES: Mapping[ProcessStatus | None, tuple[str, ...]] = {
    # A case without an active job is pending if it has registered documents that no request has asked for.
    ProcessStatus.PENDING: ("(state = 'active' AND job.status = 'pending' OR state = 'pending')",),
    ProcessStatus.PROCESSING: ("state = 'active' AND job.status = 'processing'",),
    ProcessStatus.COMPLETED: ("state = 'completed'",),
    ProcessStatus.FAILED: ("state = 'failed'",),
    ProcessStatus.CANCELLED: ("state = 'cancelled'",),
}


class ProcessSearch(msgspec.Struct, frozen=True):
    """What a person looks for. Empty texts mean all."""

    digits: str = ""  #: the case number begins with them
    words: str = ""  #: each is part of the court, class, subject or of a party's name; accents and case do not matter
    court: str | None = None
    status: ProcessStatus | None = None


async def search(
    connection: Connection, wanted: ProcessSearch, *, after: Position[str] | None, limit: int
) -> list[ProcessRow]:
    """Return the matching processes, newest first, starting after a position.

    Words are only looked for in the `SEARCHED_CASES` newest processes that the number, the court and `after` leave.
    """
    listed = ProcessFilter(wanted.court, wanted.status)
    words = wanted.words.split()[:SEARCH_WORDS_MAX]
    if not (wanted.digits or words):
        return await page(connection, listed, after=after, limit=limit)
    conditions, values = _conditions(listed)
    if wanted.digits:
        conditions.append("number BETWEEN :lowest AND :highest")
        values |= {"lowest": wanted.digits.ljust(DIGITS, "0"), "highest": wanted.digits.ljust(DIGITS, "9")}
    if after is not None:
        values |= {"moment": after.moment, "after": after.key}
    values |= {f"word{place}": word for place, word in enumerate(words)} | {"limit": limit}
    searched = _ordered("SELECT * FROM processes", conditions, _PLACE, after).replace(":limit", str(SEARCHED_CASES))
    matching = [_MATCHING.format(_FOLDED.format(f":word{place}")) for place in range(len(words))]
    rows = _ROW.replace(" FROM processes", f" FROM ({searched}) AS processes", 1)
    query = _ordered(rows, [*matching, *_STATUSES.get(wanted.status, ())], _PLACE, None)
    return [as_struct(row, ProcessRow) for row in await connection.fetch_all(query, values)]


_FOLDED = "translate(lower({}), 'áàâãäéèêëíìîïóòôõöúùûüçñ', 'aaaaaeeeeiiiiooooouuuucn')"
_WORDS = _FOLDED.format("concat_ws(' ', court, court_class, subject)")
_NAME = _FOLDED.format("parties.name")
_MATCHING = (
    f"(strpos({_WORDS}, {{0}}) > 0 OR EXISTS (SELECT FROM parties WHERE parties.process_number = number"
    f" AND strpos({_NAME}, {{0}}) > 0))"
)


async def counts_of(connection: Connection, numbers: Collection[ProcessNumber]) -> dict[ProcessNumber, Counts]:
    """Count the documents of each process. One without documents is left out."""
    counted = COUNTS.replace("SELECT ", "SELECT process_number, ", 1)
    rows = await connection.fetch_all(
        f"{counted} WHERE process_number = ANY(CAST(:numbers AS text[])) GROUP BY process_number",
        {"numbers": [number.digits for number in numbers]},
    )
    return {ProcessNumber(row["process_number"]): as_struct(row, Counts) for row in rows}
