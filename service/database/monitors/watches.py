"""Checks of watched cases: which one is next, and how one ends. A worker leases the row of the case that it checks."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from service.database.connection import Connection, Record, as_struct
from service.database.leases import NO_LEASE, OWNED, Clock, LeasedTable, LeaseLost
from service.database.monitors import pace
from service.domain.errors import ErrorCode
from service.domain.monitoring.check_times import CheckHours, next_check
from service.domain.process_number import ProcessNumber

CHECK_LEASE = timedelta(seconds=15)  # if a worker crashes, another one checks the case after this
FAILING_AFTER = timedelta(days=3)  # of failed checks; then its monitors are failing, and operators are told
LEASED_WATCHES = LeasedTable(
    name="watches",
    is_due="(watches.check_requested_at <= now() OR watches.next_check_at <= now())",
    clock=Clock.WALL,
)


class Checker(msgspec.Struct, frozen=True):
    """The limits of a worker that asks for a check."""

    at_once: int  #: checks of all workers
    hours: CheckHours


class ClaimedWatch(msgspec.Struct, frozen=True):
    """A watched case whose lease this worker holds."""

    id: UUID
    number: ProcessNumber
    lease: UUID
    every: timedelta | None  #: None: it has no monitor left
    claimed_at: datetime
    failures: int  #: checks that failed since the last one that succeeded
    late: timedelta  #: since the check became due


class Held(msgspec.Struct, frozen=True):
    """A watch in the transaction that ends its check."""

    moment: datetime
    every: timedelta | None
    is_failing: bool


_ROOM = "(SELECT count(*) FROM watches WHERE lease_token IS NOT NULL AND lease_expires_at > now()) < :at_once"
_CLAIM = (
    "UPDATE watches SET {claimed} WHERE id = (SELECT id FROM watches WHERE {column} <= now() AND {is_free}"
    " ORDER BY {column} LIMIT 1 FOR UPDATE SKIP LOCKED) AND {room}"
    " RETURNING id, process_number, clock_timestamp() AS claimed_at, consecutive_failures AS failures,"
    " now() - {column} AS late,"
    " (SELECT min(every) FROM monitors WHERE monitors.process_number = watches.process_number) AS every"
)


def _claim_of(column: str) -> str:
    return _CLAIM.format(claimed=LEASED_WATCHES.claimed, column=column, is_free=LEASED_WATCHES.is_free, room=_ROOM)


CLAIM_REQUESTED, CLAIM_DUE = _claim_of("check_requested_at"), _claim_of("next_check_at")
_HAS = (
    f"coalesce((SELECT true FROM watches WHERE {{0}} <= now() AND {LEASED_WATCHES.is_free}"
    " ORDER BY {0} LIMIT 1), false)"
)
_LOOK = (
    f"SELECT {_HAS.format('check_requested_at')}"
    f" OR next_at <= now() AND {_HAS.format('next_check_at')} AS has_work FROM check_pace"
)


async def has_work(connection: Connection) -> bool:
    """Whether a case waits for a check that may begin, if there is room and the hours allow it."""
    found: bool | None = await connection.fetch_val(_LOOK)
    return bool(found)


async def claim_next(connection: Connection, checker: Checker) -> ClaimedWatch | None:
    """Lease the case to check next. Needs a transaction. None: there is none, or it has to wait.

    Requested checks go first, at any hour. Scheduled ones go in the order in which they became due, at a steady pace.
    The lock of the pace makes claims wait for each other, so that no more than `at_once` run.
    """
    now = await pace.lock(connection)
    if now is None:
        return None
    lease = uuid4()
    values = {"lease": lease, "term": CHECK_LEASE, "at_once": checker.at_once}
    row = await connection.fetch_one(CLAIM_REQUESTED, values)
    if row is None and now.may_begin and checker.hours.are_open(now.moment):
        row = await connection.fetch_one(CLAIM_DUE, values)
        if row is not None:
            await pace.note_check(connection, now)
    return None if row is None else _claimed(row, lease)


def _claimed(row: Record, lease: UUID) -> ClaimedWatch:
    facts = dict(row)
    return ClaimedWatch(number=ProcessNumber(facts.pop("process_number")), lease=lease, **facts)


async def hold(connection: Connection, watch: ClaimedWatch) -> Held:
    """Lock the row, so that its lease is not lost before the transaction ends. Raises `LeaseLost`."""
    row = await connection.fetch_one(
        "SELECT clock_timestamp() AS moment, failing_at IS NOT NULL AS is_failing,"
        " (SELECT min(every) FROM monitors WHERE monitors.process_number = watches.process_number) AS every"
        f" FROM watches WHERE {OWNED} FOR UPDATE",
        {"id": watch.id, "lease": watch.lease},
    )
    if row is None:
        raise LeaseLost
    return as_struct(row, Held)


#: Of the end of a check: a request that came after its claim needs another one.
_ANSWERED = "check_requested_at = CASE WHEN check_requested_at > :claimed_at THEN check_requested_at END"


async def succeed(connection: Connection, watch: ClaimedWatch, held: Held, hours: CheckHours) -> None:
    """End a check that succeeded, and plan the next one. What it found is the baseline of the new monitors."""
    if held.every is None:
        await end(connection, watch)
        return
    values = {"number": watch.number.digits, "claimed_at": watch.claimed_at}
    await connection.execute(
        "UPDATE monitors SET told = listing_asked, secrecy_level = processes.secrecy_level FROM processes"
        " WHERE process_number = :number AND number = :number AND told IS NULL"
        " AND monitors.created_at <= :claimed_at AND listing_asked IS NOT NULL",
        values,
    )
    if held.is_failing:
        await _mark(connection, watch, is_failing=False)
    await connection.execute(
        f"UPDATE watches SET {NO_LEASE}, every = :every, next_check_at = :next, last_checked_at = clock_timestamp(),"
        f" consecutive_failures = 0, failing_since = NULL, failing_at = NULL, last_error_code = NULL, {_ANSWERED}"
        f" WHERE {OWNED}",
        {
            "id": watch.id,
            "lease": watch.lease,
            "every": held.every,
            "next": next_check(watch.number, held.every, hours, after=held.moment),
            "claimed_at": watch.claimed_at,
        },
    )


async def end(connection: Connection, watch: ClaimedWatch) -> None:
    """Delete the row of a case that has no monitor left."""
    await connection.execute(f"DELETE FROM watches WHERE {OWNED}", {"id": watch.id, "lease": watch.lease})


async def fail(connection: Connection, watch: ClaimedWatch, code: ErrorCode, *, delay: timedelta) -> bool:
    """End a check that failed; the next one follows after `delay`. True: its monitors are failing from now on.

    The caller holds the lock of the process. Raises `LeaseLost`. A monitor that was never checked is checked again at
    any hour.
    """
    held = await hold(connection, watch)
    is_failing: bool = await connection.fetch_val(
        f"UPDATE watches SET {NO_LEASE}, next_check_at = clock_timestamp() + :delay, last_error_code = :code,"
        " consecutive_failures = consecutive_failures + 1, failing_since = coalesce(failing_since, now()),"
        " failing_at = coalesce(failing_at,"
        " CASE WHEN failing_since <= now() - CAST(:patience AS interval) THEN change_time() END),"
        " check_requested_at = CASE WHEN check_requested_at > :claimed_at THEN check_requested_at"
        " WHEN EXISTS (SELECT 1 FROM monitors WHERE monitors.process_number = watches.process_number"
        " AND told IS NULL) THEN clock_timestamp() + :delay END"
        f" WHERE {OWNED} RETURNING failing_at IS NOT NULL",
        {
            "id": watch.id,
            "lease": watch.lease,
            "delay": delay,
            "code": code,
            "patience": FAILING_AFTER,
            "claimed_at": watch.claimed_at,
        },
    )
    if is_failing and not held.is_failing:
        await _mark(connection, watch, is_failing=True)
    return is_failing and not held.is_failing


async def _mark(connection: Connection, watch: ClaimedWatch, *, is_failing: bool) -> None:
    await connection.execute(
        "UPDATE monitors SET is_failing = :is_failing WHERE process_number = :number",
        {"is_failing": is_failing, "number": watch.number.digits},
    )


async def release(connection: Connection, watch: ClaimedWatch) -> None:
    """Give the case to other workers, at once. Does nothing if the lease is lost."""
    await connection.execute(f"UPDATE watches SET {NO_LEASE} WHERE {OWNED}", {"id": watch.id, "lease": watch.lease})


async def release_expired(connection: Connection, *, limit: int) -> int:
    """Release cases whose lease has expired. Returns how many, at most `limit`."""
    rows = await connection.fetch_all(
        f"UPDATE watches SET {NO_LEASE} WHERE id IN (SELECT id FROM watches WHERE lease_token IS NOT NULL"
        " AND lease_expires_at < now() LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING 1",
        {"limit": limit},
    )
    return len(rows)
