"""Court cases."""

from collections.abc import Collection
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from service.database.cases.documents import HOPELESS
from service.database.connection import Connection, Record, as_optional, as_struct
from service.database.document_counts import COUNTS, LACKING
from service.domain.events import UPDATED, Counts
from service.domain.listings import Listing
from service.domain.process_number import ProcessNumber
from service.domain.statuses import ACTIVE_JOB, DeliveryStatus, JobStatus, ProcessStatus, process_status

Part = TypeVar("Part", "LastJob", "Subscription")
ACTIVE = "active"  # the state of a process that has an active job: the job has the exact status


class Process(msgspec.Struct, frozen=True):
    """A case as it was listed last, and the state that lists show."""

    court: str | None
    court_class: str | None
    subject: str | None
    filed_at: datetime | None
    secrecy_level: int | None
    listed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    state: str  #: `ACTIVE` while it has an active job, else its status
    total_documents: int


class LastJob(msgspec.Struct, frozen=True):
    """The most recent job of a process, active or ended."""

    id: UUID
    status: JobStatus
    refresh: bool
    progress_floor: float | None
    error_code: str | None
    error_message: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


class Subscription(msgspec.Struct, frozen=True):
    """The newest delivery of one user for a process."""

    url: str
    status: DeliveryStatus
    completed_at: datetime | None
    attempts: int
    last_error: str | None


class Overview(msgspec.Struct, frozen=True):
    """A process, its last job, and the newest delivery of one user."""

    process: Process
    last_job: LastJob | None = None
    subscription: Subscription | None = None
    documents_version: str | None = None  #: changes with each write to any document; set by `versioned_overview`

    @property
    def active_job(self) -> LastJob | None:
        """The job that works on the process, or waits to."""
        return self.last_job if self.last_job is not None and self.last_job.status in ACTIVE_JOB else None

    @property
    def status(self) -> ProcessStatus:
        """The status of the process, as lists show it."""
        return ProcessStatus(self.process.state if self.active_job is None else self.active_job.status)


async def lock(connection: Connection, number: ProcessNumber) -> bool:
    """Lock a process: other requests, refreshes and ends of its jobs wait. False: there is no such process."""
    row = await connection.fetch_one(
        "SELECT listed_at IS NOT NULL AS listed FROM processes WHERE number = :number FOR UPDATE",
        {"number": number.digits},
    )
    return row is not None


async def is_listed(connection: Connection, number: ProcessNumber) -> bool:
    """Whether the portal has ever listed the case."""
    row = await connection.fetch_one(
        "SELECT 1 FROM processes WHERE number = :number AND listed_at IS NOT NULL", {"number": number.digits}
    )
    return row is not None


async def exists(connection: Connection, number: ProcessNumber) -> bool:
    """Whether the case has been requested."""
    row = await connection.fetch_one("SELECT 1 FROM processes WHERE number = :number", {"number": number.digits})
    return row is not None


class Completeness(msgspec.Struct, frozen=True):
    """Whether a case needs the portal, or a download."""

    is_listed: bool  #: the portal has listed it at some time
    is_complete: bool  #: it is listed, and a request without `force_refresh` would download nothing
    is_active: bool  #: it has an active job


_COMPLETENESS = (
    "SELECT number, listed_at IS NOT NULL AS is_listed, listed_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM documents"
    f" WHERE process_number = number AND {LACKING} AND NOT {HOPELESS}) AS is_complete,"
    f" state = '{ACTIVE}' AS is_active FROM processes"
)
_UNKNOWN = Completeness(is_listed=False, is_complete=False, is_active=False)


async def completeness(connection: Connection, number: ProcessNumber) -> Completeness:
    """Return the completeness of a case. All fields are False if it is unknown."""
    row = await connection.fetch_one(f"{_COMPLETENESS} WHERE number = :number", {"number": number.digits})
    return as_optional(row, Completeness) or _UNKNOWN


async def completeness_of(
    connection: Connection, numbers: Collection[ProcessNumber]
) -> dict[ProcessNumber, Completeness]:
    """Like `completeness`, for many cases."""
    rows = await connection.fetch_all(
        f"{_COMPLETENESS} WHERE number = ANY(CAST(:numbers AS text[]))",
        {"numbers": [number.digits for number in numbers]},
    )
    found = {ProcessNumber(row["number"]): as_struct(row, Completeness) for row in rows}
    return {number: found.get(number, _UNKNOWN) for number in numbers}


async def next_listing(connection: Connection) -> int:
    """Take the sequence number of a listing, before the portal is asked for it."""
    place: int = await connection.fetch_val("SELECT nextval('listings_asked')")
    return place


async def register(connection: Connection, listing: Listing) -> int | None:
    """Add or update the case and lock it. Returns the listing's sequence number; None if a newer one is registered.

    Answers of the portal may arrive in another order than the questions.
    """
    place: int | None = await connection.fetch_val(
        "INSERT INTO processes (number, court, court_class, subject, filed_at, secrecy_level, listing_asked, listed_at)"
        " VALUES (:number, :court, :court_class, :subject, :filed_at, :secrecy_level,"
        " coalesce(CAST(:asked AS bigint), nextval('listings_asked')), now())"
        " ON CONFLICT (number) DO UPDATE SET court = excluded.court, court_class = excluded.court_class,"
        " subject = excluded.subject, filed_at = excluded.filed_at, secrecy_level = excluded.secrecy_level,"
        " listing_asked = excluded.listing_asked, listed_at = now(), updated_at = change_time()"
        " WHERE coalesce(processes.listing_asked < excluded.listing_asked, true) RETURNING listing_asked",
        {
            "asked": listing.asked,
            "number": listing.number.digits,
            "court": listing.court,
            "court_class": listing.court_class,
            "subject": listing.subject,
            "filed_at": listing.filed_at,
            "secrecy_level": listing.secrecy_level,
        },
    )
    return place


async def add_unlisted(connection: Connection, number: ProcessNumber) -> None:
    """Lock a case whose listing did not arrive in time. Adds it if it is unknown."""
    await connection.execute(
        "INSERT INTO processes (number) VALUES (:number) ON CONFLICT (number) DO UPDATE SET updated_at = change_time()",
        {"number": number.digits},
    )


_PROCESS, _JOB, _SUBSCRIPTION = Process.__struct_fields__, LastJob.__struct_fields__, Subscription.__struct_fields__
_OVERVIEW = (
    f"SELECT number, {', '.join(f'processes.{name}' for name in _PROCESS)},"
    f" {', '.join(f'job.{name} AS job_{name}' for name in _JOB)},"
    f" {', '.join(f'webhook.{name} AS webhook_{name}' for name in _SUBSCRIPTION)} FROM processes"
    " LEFT JOIN LATERAL (SELECT * FROM jobs WHERE process_number = number"
    " ORDER BY created_at DESC LIMIT 1) AS job ON true"
    " LEFT JOIN LATERAL (SELECT * FROM deliveries WHERE process_number = number"
    " AND user_id = CAST(:user_id AS uuid) AND NOT endpoint_only"
    # What a monitor tells is no request's webhook.
    f" AND NOT EXISTS (SELECT 1 FROM events WHERE id = event_id AND events.job_id IS NULL AND type = '{UPDATED}')"
    " ORDER BY created_at DESC LIMIT 1) AS webhook ON true"
)


#: `xmin` is the id of the transaction that wrote the row.
_VERSIONED = _OVERVIEW.replace(
    " FROM processes",
    ", (SELECT md5(string_agg(CAST(documents.xmin AS text), ',' ORDER BY position, id))"
    " FROM documents WHERE process_number = number) AS documents_version FROM processes",
    1,
)


async def versioned_overview(connection: Connection, number: ProcessNumber, user_id: UUID) -> Overview | None:
    """Like `overview`, with a version of all documents, so that the caller need not read thousands of them."""
    row = await connection.fetch_one(
        f"{_VERSIONED} WHERE number = :number", {"number": number.digits, "user_id": user_id}
    )
    return None if row is None else _overview(row, row["documents_version"])


async def overview(connection: Connection, number: ProcessNumber, user_id: UUID) -> Overview | None:
    """Return the process with its last job and the newest delivery that the user's requests named."""
    row = await connection.fetch_one(
        f"{_OVERVIEW} WHERE number = :number", {"number": number.digits, "user_id": user_id}
    )
    return None if row is None else _overview(row)


async def overviews(connection: Connection, numbers: Collection[ProcessNumber]) -> dict[ProcessNumber, Overview]:
    """Return processes with their last jobs, without deliveries. Unknown processes are left out."""
    rows = await connection.fetch_all(
        f"{_OVERVIEW} WHERE number = ANY(:numbers)",
        {"numbers": [number.digits for number in numbers], "user_id": None},
    )
    return {ProcessNumber(row["number"]): _overview(row) for row in rows}


def _overview(row: Record, documents_version: str | None = None) -> Overview:
    """Convert a row of `_OVERVIEW`."""
    return Overview(
        as_struct(row, Process), _part(row, "job_", LastJob), _part(row, "webhook_", Subscription), documents_version
    )


def _part(row: Record, prefix: str, kind: type[Part]) -> Part | None:
    """Convert the columns with this prefix. None: the LEFT JOIN found no row for them."""
    values = {name: row[f"{prefix}{name}"] for name in kind.__struct_fields__}
    return None if values["status"] is None else msgspec.convert(values, kind)


async def counts(connection: Connection, number: ProcessNumber) -> Counts:
    """Count the documents of a process, without returning them."""
    rows = await connection.fetch_all(f"{COUNTS} WHERE process_number = :number", {"number": number.digits})
    return as_struct(rows[0], Counts)


async def note_change(connection: Connection, number: ProcessNumber) -> None:
    """Show lists and listeners that an active job was given documents. The caller holds the lock of the process."""
    await connection.execute(
        "UPDATE processes SET updated_at = change_time() WHERE number = :number", {"number": number.digits}
    )


class Facts(msgspec.Struct, frozen=True):
    """What the status of a process is derived from."""

    listed: bool
    job: JobStatus | None  #: of its last job
    total: int
    outstanding: int
    failed: int


async def refresh_state(connection: Connection, number: ProcessNumber) -> None:
    """Update the state and document count that lists show. The caller holds the lock of the process."""
    row = await connection.fetch_one(
        "SELECT listed_at IS NOT NULL AS listed, (SELECT status FROM jobs WHERE process_number = number"
        " ORDER BY created_at DESC LIMIT 1) AS job, counts.total, counts.failed,"
        " counts.total - counts.completed - counts.failed AS outstanding"
        f" FROM processes CROSS JOIN LATERAL ({COUNTS} WHERE process_number = number) AS counts WHERE number = :number",
        {"number": number.digits},
    )
    facts = as_optional(row, Facts)
    if facts is None:
        return
    status = process_status(facts.job, listed=facts.listed, outstanding=facts.outstanding, failed=facts.failed)
    await connection.execute(
        "UPDATE processes SET state = :state, total_documents = :total, updated_at = change_time()"
        " WHERE number = :number",
        {
            "number": number.digits,
            "state": ACTIVE if facts.job in ACTIVE_JOB else status,
            "total": facts.total,
        },
    )
