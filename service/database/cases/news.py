"""Tells the users who watch a case what is new in it: one event for all who were told the same, and one delivery each.

What is new is what listings brought after the one that a user was told last: `documents.news` and
`movements.first_listed` are places in the order of all listings, and `monitors.told` is compared with them. The event,
its deliveries and the new `told` are one transaction. The caller holds the lock of the process, as all who write `told`
do: so each change is told once, whatever crashes.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from service.database.cases import case_data, case_events, documents, processes
from service.database.cases.documents import HOPELESS
from service.database.connection import Connection, as_struct
from service.database.deliveries import endpoints
from service.database.deliveries.deliveries import MESSAGE_GRACE
from service.database.document_counts import LACKING
from service.database.jobs import jobs
from service.domain.case_facts import CaseMovement
from service.domain.events import UPDATED, AddedDocument, CaseUpdate
from service.domain.jobs import Lane
from service.domain.process_number import ProcessNumber

#: A new content that the portal withdrew before it was downloaded: the file of before is current again.
_WITHDRAWN = "documents.status = 'available' AND documents.error_code IS NULL AND NOT documents.is_current"
_NEW_DOCUMENTS = f"documents.process_number = :number AND news > CAST({{}} AS bigint) AND NOT ({_WITHDRAWN})"
#: A job downloads it, or has to: a document that failed before it got its new content belongs to no job.
_OUTSTANDING = (
    "(documents.status IN ('pending', 'processing')"
    f" OR documents.status = 'failed' AND documents.job_id IS NULL AND NOT {HOPELESS})"
)
_NEW_MOVEMENTS = "movements.process_number = :number AND first_listed > CAST({} AS bigint) AND is_listed"


class _Readers(msgspec.Struct, frozen=True):
    """The users who were told the same, and what is new for them."""

    told: int
    level: int | None  #: the secrecy level that they were told
    newest: int  #: place of the newest listing
    newest_level: int | None
    listed_at: datetime
    documents: int
    outstanding: int
    movements: int

    @property
    def has_news(self) -> bool:
        """Whether there is something to tell. A case that becomes more secret is; one that becomes less is not."""
        is_closed = (self.newest_level or 0) > (self.level or 0)
        return bool(self.documents or self.movements or is_closed)


_READERS = f"""
SELECT readers.told, level, listing_asked AS newest, processes.secrecy_level AS newest_level, listed_at,
    found.documents, found.outstanding, (SELECT count(*) FROM movements WHERE {_NEW_MOVEMENTS.format("readers.told")})
    AS movements
FROM (SELECT told, secrecy_level AS level FROM monitors WHERE process_number = :number AND told IS NOT NULL
    GROUP BY told, secrecy_level) AS readers
JOIN processes ON processes.number = :number AND listing_asked > readers.told
CROSS JOIN LATERAL (SELECT count(*) AS documents, count(*) FILTER (WHERE {_OUTSTANDING}) AS outstanding
    FROM documents WHERE {_NEW_DOCUMENTS.format("readers.told")}) AS found
ORDER BY readers.told, level
"""
_SAME = (
    "process_number = :number AND told = CAST(:told AS bigint)"
    " AND secrecy_level IS NOT DISTINCT FROM CAST(:level AS integer)"
)


async def tell_watchers(connection: Connection, number: ProcessNumber, *, limit: int) -> tuple[UUID, ...]:
    """Schedule what is new for the users who watch a case. Needs a transaction that holds the lock of the process.

    News wait until none of their documents is outstanding. `limit`: documents, and movements, that an event lists at
    most. Returns the ids of the deliveries that became due, to enqueue after the commit.
    """
    rows = await connection.fetch_all(_READERS, {"number": number.digits})
    due: tuple[UUID, ...] = ()
    for readers in (as_struct(row, _Readers) for row in rows):
        if readers.outstanding:
            continue
        if readers.has_news:
            due += await _tell(connection, number, readers, limit)
        await _note_told(connection, number, readers)
    return due


#: Of the documents that are new for a user who watches the case: no job has them, and one could download them.
_TO_DOWNLOAD = f"""
SELECT id, (SELECT user_id FROM monitors WHERE process_number = :number
    ORDER BY md5(CAST(user_id AS text) || listing_asked) LIMIT 1) AS user_id
FROM documents JOIN processes ON number = documents.process_number
WHERE documents.process_number = :number AND documents.job_id IS NULL AND {LACKING} AND NOT {HOPELESS}
    AND news > (SELECT min(coalesce(told, listing_asked - 1)) FROM monitors WHERE process_number = :number)
"""


async def download_news(connection: Connection, number: ProcessNumber, *, request_id: str) -> UUID | None:
    """Start a job for the new documents of a watched case that no job has. Returns it, to enqueue after the commit.

    Documents that failed before are left alone: a case may be checked every hour. The job takes turns like a batch of
    one of the users who watch the case, another one each time. The caller holds the lock of the process, and has
    registered a listing: an active job has taken the documents already.
    """
    rows = await connection.fetch_all(_TO_DOWNLOAD, {"number": number.digits})
    if not rows or await jobs.find_active(connection, number) is not None:
        return None
    job_id = await jobs.create(
        connection,
        number,
        refresh=False,
        user_id=rows[0]["user_id"],
        request_id=request_id,
        lane=Lane.BATCH,
        is_awaited=False,
    )
    await documents.assign(connection, number, [row["id"] for row in rows], job_id, waiting=True)
    await processes.refresh_state(connection, number)
    return job_id


async def _tell(connection: Connection, number: ProcessNumber, readers: _Readers, limit: int) -> tuple[UUID, ...]:
    update = CaseUpdate(
        documents_added=await _documents(connection, number, readers, limit),
        movements_added=await _movements(connection, number, readers, limit),
        documents_truncated=readers.documents > limit,
        movements_truncated=readers.movements > limit,
        checked_at=readers.listed_at,
    )
    event_id = await case_events.record_update(connection, number, update)
    return await _schedule(connection, number, readers, event_id)


async def _documents(
    connection: Connection, number: ProcessNumber, readers: _Readers, limit: int
) -> tuple[AddedDocument, ...]:
    if not 0 < readers.documents <= limit:
        return ()
    names = [name for name in AddedDocument.__struct_fields__ if name != "replaced"]
    rows = await connection.fetch_all(
        f"SELECT {', '.join(names)}, revision > 1 AS replaced FROM documents"
        f" WHERE {_NEW_DOCUMENTS.format(':told')} ORDER BY position, id",
        {"number": number.digits, "told": readers.told},
    )
    return tuple(as_struct(row, AddedDocument) for row in rows)


async def _movements(
    connection: Connection, number: ProcessNumber, readers: _Readers, limit: int
) -> tuple[CaseMovement, ...]:
    if not 0 < readers.movements <= limit:
        return ()
    rows = await connection.fetch_all(
        f"SELECT {case_data.MOVEMENT} FROM movements WHERE {_NEW_MOVEMENTS.format(':told')}"
        f" ORDER BY {case_data.NEWEST_FIRST}",
        {"number": number.digits, "told": readers.told},
    )
    return tuple(msgspec.convert(case_data.movement(row), CaseMovement, from_attributes=True) for row in rows)


async def _schedule(
    connection: Connection, number: ProcessNumber, readers: _Readers, event_id: UUID
) -> tuple[UUID, ...]:
    """Schedule the event for the URLs of these users, and for their endpoints."""
    values = {"number": number.digits, "told": readers.told, "level": readers.level}
    rows = await connection.fetch_all(
        "INSERT INTO deliveries"
        " (id, process_number, event_id, user_id, url, status, created_at, next_attempt_at, ring_at)"
        " SELECT gen_random_uuid(), :number, :event_id, user_id, webhook_url, 'scheduled', change_time(), now(),"
        f" now() + :grace FROM monitors WHERE {_SAME} AND webhook_url IS NOT NULL ORDER BY id RETURNING id",
        {**values, "event_id": event_id, "grace": MESSAGE_GRACE},
    )
    readers_of = await connection.fetch_all(f"SELECT user_id FROM monitors WHERE {_SAME}", values)
    of_endpoints = await endpoints.schedule_for_endpoints(
        connection,
        number,
        event_id=event_id,
        event_type=UPDATED,
        user_ids=[row["user_id"] for row in readers_of],
    )
    return (*(row["id"] for row in rows), *of_endpoints)


async def _note_told(connection: Connection, number: ProcessNumber, readers: _Readers) -> None:
    changed = ", last_changed_at = change_time()" if readers.has_news else ""
    await connection.execute(
        f"UPDATE monitors SET told = :newest, secrecy_level = :newest_level{changed} WHERE {_SAME}",
        {
            "number": number.digits,
            "told": readers.told,
            "level": readers.level,
            "newest": readers.newest,
            "newest_level": readers.newest_level,
        },
    )
