"""Court cases as lists, each page read from an index, however many cases there are."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct
from service.database.horizon import horizon
from service.domain.pages import Position
from service.domain.process_number import ProcessNumber
from service.domain.statuses import ProcessStatus


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


_ROW = (
    "SELECT number, court, court_class, subject, filed_at, secrecy_level, processes.total_documents,"
    " coalesce(job.status, state) AS status, job.id AS job_id, processes.created_at, updated_at FROM processes"
    " LEFT JOIN jobs AS job ON job.process_number = number AND job.status IN ('pending', 'processing')"
)


async def page(
    connection: Connection, wanted: ProcessFilter, *, after: Position[str] | None, limit: int
) -> list[ProcessRow]:
    """The processes that are wanted, the newest first, from behind a position on.

    With `updated_since` in the order in which they changed, up to the horizon: one that changes meanwhile comes again,
    none is missed.
    """
    conditions, values = _conditions(wanted)
    moment, direction, beyond = ("created_at", "DESC", "<")
    if wanted.updated_since is not None:
        moment, direction, beyond = ("updated_at", "ASC", ">")
        conditions.append("updated_at < :horizon")
        values["horizon"] = await horizon(connection)
    if after is not None:
        conditions.append(f"(processes.{moment}, number) {beyond} (:moment, :after)")
        values |= {"moment": after.moment, "after": after.key}
    rows = await connection.fetch_all(
        f"{_ROW} WHERE {' AND '.join(conditions)}"
        f" ORDER BY processes.{moment} {direction}, number {direction} LIMIT :limit",
        {**values, "limit": limit},
    )
    return [as_struct(row, ProcessRow) for row in rows]


async def find(connection: Connection, number: ProcessNumber) -> ProcessRow:
    """One case, which somebody has requested."""
    row = await connection.fetch_one(f"{_ROW} WHERE number = :number", {"number": number.digits})
    if row is None:
        raise LookupError("the case was locked by this transaction and is not there")
    return as_struct(row, ProcessRow)


def _conditions(wanted: ProcessFilter) -> tuple[list[str], dict[str, Any]]:
    conditions, values = ["true"], dict[str, Any]()
    if wanted.court is not None:
        conditions.append("court = :court")
        values["court"] = wanted.court
    if wanted.status is not None:
        conditions.append(_STATUS[wanted.status])
    if wanted.has_documents is not None:
        conditions.append(f"processes.total_documents {'>' if wanted.has_documents else '='} 0")
    if wanted.updated_since is not None:
        conditions.append("updated_at >= :since")
        values["since"] = wanted.updated_since
    return conditions, values


_STATUS = {
    # A case that no job works on is pending where documents are registered and nobody has asked for them.
    ProcessStatus.PENDING: "(state = 'active' AND job.status = 'pending' OR state = 'pending')",
    ProcessStatus.PROCESSING: "state = 'active' AND job.status = 'processing'",
    ProcessStatus.COMPLETED: "state = 'completed'",
    ProcessStatus.FAILED: "state = 'failed'",
    ProcessStatus.CANCELLED: "state = 'cancelled'",
}
