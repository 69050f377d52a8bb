"""The transactions of a process that several nouns share: a request is accepted, a job ends.

Each locks the row of its process first, so that two of them never interleave.
"""

from uuid import UUID

import msgspec

from service.database.cases import case_events, documents, listed_documents, processes
from service.database.connection import Connection
from service.database.deliveries import deliveries, repeated_deliveries
from service.database.jobs import job_users, jobs
from service.domain.deliveries import Ring
from service.domain.errors import ErrorCode
from service.domain.events import count
from service.domain.jobs import ClaimedJob, Lane, Settlement
from service.domain.listings import Listing
from service.domain.process_number import ProcessNumber
from service.domain.statuses import JobStatus


class Request(msgspec.Struct, frozen=True):
    """What a client asks of a process."""

    number: ProcessNumber
    user_id: UUID
    request_id: str
    webhook_url: str | None
    force_refresh: bool
    lane: Lane = Lane.SINGLE


class Accepted(msgspec.Struct, frozen=True):
    """What was written for a request, and what has to be rung for after the commit."""

    job_id: UUID | None = None
    new_job: bool = False
    can_go_on: bool = False  #: the job was waiting for its next turn, and has something to do now
    delivery: Ring | None = None


async def register(connection: Connection, listing: Listing) -> UUID | None:
    """Write what the portal said of a case and lock the case. A running job takes on what is new.

    Answers a job that waited for this very listing: it can go on at once. Nothing is written of a listing that the
    portal was asked for before the one that is registered already.
    """
    place = await processes.register(connection, listing)
    if place is None:
        return None
    job_id = await jobs.find_active(connection, listing.number)
    await documents.lock_all(connection, listing.number)
    if job_id is not None:
        await _freeze_progress(connection, listing.number, job_id)
    await listed_documents.register(connection, listing.number, listing.documents)
    await listed_documents.drop_unlisted(connection, listing.number, listing.documents)
    if job_id is not None:
        await documents.join_job(connection, listing.number, job_id)
    await processes.note_state(connection, listing.number)
    return None if job_id is None else await jobs.stop_waiting(connection, job_id, place=place)


async def _freeze_progress(connection: Connection, number: ProcessNumber, job_id: UUID) -> None:
    counts = count(await documents.of_process(connection, number))
    await jobs.freeze_progress(connection, job_id, counts.progress_percentage if counts.total else 0.0)


async def accept(connection: Connection, request: Request, *, event_limit: int) -> Accepted:
    """Start what the process lacks, or have the active job do it too, or report at once that nothing is lacking.

    The caller holds the lock of the process, from `register` or `processes.lock`.
    """
    job_id = await jobs.find_active(connection, request.number)
    if job_id is not None:
        has_more = await _give_lacking(connection, request, job_id)
        return await _join(connection, request, job_id, has_more=has_more)
    lacking = await documents.lacking(connection, request.number, include_hopeless=request.force_refresh)
    return await _start(connection, request, lacking, event_limit)


async def _give_lacking(connection: Connection, request: Request, job_id: UUID) -> bool:
    # What clients have seen is read before: documents that join take the figures back.
    counts = count(await documents.of_process(connection, request.number))
    has_more = await documents.join_job(
        connection,
        request.number,
        job_id,
        waiting=request.webhook_url is not None,
        include_hopeless=request.force_refresh,
    )
    if has_more:
        await jobs.freeze_progress(connection, job_id, counts.progress_percentage)
    return has_more


async def download(connection: Connection, request: Request, ids: list[UUID], *, event_limit: int) -> Accepted:
    """Download these documents, whether they are available or not; what is available stays so meanwhile.

    A job that runs takes them on. The caller holds the lock of the process.
    """
    job_id = await jobs.find_active(connection, request.number)
    if job_id is None:
        return await _start(connection, request, ids, event_limit)
    await _freeze_progress(connection, request.number, job_id)
    await documents.assign(connection, request.number, ids, job_id, waiting=True)
    return await _join(connection, request, job_id, has_more=True)


async def keep(connection: Connection, request: Request, *, asked: int | None = None) -> Accepted:
    """Accept a request that the portal could not be asked for: a worker will ask it.

    A job that runs goes on meanwhile. `asked`: the place of the listing that did not come, where a later one is wanted.
    """
    await processes.keep(connection, request.number)
    job_id = await jobs.find_active(connection, request.number)
    new_job = job_id is None
    if job_id is None:
        job_id = await _create_job(connection, request, refresh=True)
        await processes.note_state(connection, request.number)
    else:
        await _freeze_progress(connection, request.number, job_id)
    await jobs.ask_for_refresh(connection, job_id, after=asked if request.force_refresh else None)
    joined = await _join(connection, request, job_id)
    return msgspec.structs.replace(joined, new_job=new_job)


async def finish(connection: Connection, job: ClaimedJob, *, event_limit: int) -> Settlement | None:
    """End a job that has nothing left to do; None where something was added meanwhile.

    Raises `LeaseLost`.
    """
    await processes.lock(connection, job.number)
    if await jobs.has_work(connection, job):
        return None
    return await settle(connection, job.number, job.id, event_limit=event_limit)


async def abandon(connection: Connection, job: ClaimedJob, error: ErrorCode, *, event_limit: int) -> Settlement | None:
    """End a job whose case cannot be listed. Raises `LeaseLost`.

    None: documents of the case are known, and the job goes on with those. The portal is known to answer by mistake
    that there is no such case.
    """
    await processes.lock(connection, job.number)
    await jobs.has_work(connection, job)
    if await _goes_on_with_known(connection, job, error):
        return None
    return await settle(connection, job.number, job.id, error=error, event_limit=event_limit)


async def _goes_on_with_known(connection: Connection, job: ClaimedJob, error: ErrorCode) -> bool:
    if not await documents.ids_of_process(connection, job.number):
        return False
    if error is ErrorCode.JOB_EXPIRED:
        await jobs.note_error(connection, job.id, error)
        if not await jobs.wants_listing(connection, job):
            # It had its time for the documents too.
            return False
    await jobs.stop_waiting(connection, job.id, place=None)
    await documents.join_job(connection, job.number, job.id)
    return True


async def cancel(connection: Connection, job_id: UUID, *, event_limit: int) -> Settlement | None:
    """End an active job on somebody's word; None for one that has ended. Whoever works on it loses its lease."""
    number = await jobs.process_of(connection, job_id)
    if number is None or not await processes.lock(connection, number):
        return None
    if await jobs.find_active(connection, number) != job_id:
        return None
    return await settle(connection, number, job_id, cancelled=True, event_limit=event_limit)


async def withdraw(connection: Connection, job_id: UUID, user_id: UUID, *, event_limit: int) -> Settlement | None:
    """End a user's interest in an active job. The job goes on for others; without any it ends as `cancel` ends it.

    None: it goes on, or it has ended before. The webhooks of a user whose interest ends are not called.
    """
    number = await jobs.process_of(connection, job_id)
    if number is None or not await processes.lock(connection, number):
        return None
    if await jobs.find_active(connection, number) != job_id:
        return None
    if await job_users.withdraw(connection, job_id, user_id):
        await deliveries.unsubscribe(connection, job_id, user_id)
        return None
    return await settle(connection, number, job_id, cancelled=True, event_limit=event_limit)


async def settle(
    connection: Connection,
    number: ProcessNumber,
    job_id: UUID,
    *,
    error: ErrorCode | None = None,
    cancelled: bool = False,
    event_limit: int,
) -> Settlement:
    """Write the end of an active job, its one event, and the schedule of its deliveries.

    The job's status is that of its own documents; the event tells of the case. The caller holds the lock of the
    process.
    """
    has_left_over = await documents.lock_left_over(connection, job_id)
    counts = await jobs.count_documents(connection, job_id)
    status = _outcome(cancelled=cancelled, failed=bool(error) or counts.failed > 0)
    moment = await jobs.end(connection, job_id, status, counts, error=error)
    if has_left_over:
        await documents.leave_job(connection, job_id)
    event_id = await case_events.record_end(connection, number, job_id, status, moment=moment, limit=event_limit)
    due = await deliveries.schedule_for_job(connection, job_id, event_id)
    await processes.note_state(connection, number)
    return Settlement(status, counts, due)


def _outcome(*, cancelled: bool, failed: bool) -> JobStatus:
    if cancelled:
        return JobStatus.CANCELLED
    return JobStatus.FAILED if failed else JobStatus.COMPLETED


async def _start(connection: Connection, request: Request, ids: list[UUID], event_limit: int) -> Accepted:
    if not ids:
        return await _report_at_once(connection, request, event_limit)
    job_id = await _create_job(connection, request, refresh=False)
    waiting = request.webhook_url is not None
    await documents.assign(connection, request.number, ids, job_id, waiting=waiting)
    await processes.note_state(connection, request.number)
    await _subscribe(connection, request, job_id)
    return Accepted(job_id, new_job=True)


async def _create_job(connection: Connection, request: Request, *, refresh: bool) -> UUID:
    return await jobs.create(
        connection,
        request.number,
        refresh=refresh,
        user_id=request.user_id,
        request_id=request.request_id,
        lane=request.lane,
    )


async def _join(connection: Connection, request: Request, job_id: UUID, *, has_more: bool = False) -> Accepted:
    if has_more:
        await processes.note_change(connection, request.number)
    await job_users.admit(connection, job_id, request.user_id)
    await jobs.hasten(connection, job_id, request.lane)
    await _subscribe(connection, request, job_id)
    # It may wait for a listing for minutes, and the documents that joined need none.
    can_go_on = has_more and await jobs.stop_pausing(connection, job_id)
    return Accepted(job_id, can_go_on=can_go_on)


async def _subscribe(connection: Connection, request: Request, job_id: UUID) -> None:
    if request.webhook_url is None:
        return
    await deliveries.subscribe(
        connection, request.number, job_id=job_id, user_id=request.user_id, url=request.webhook_url
    )


async def _report_at_once(connection: Connection, request: Request, event_limit: int) -> Accepted:
    if request.webhook_url is None:
        return Accepted()
    event_id = await case_events.record_state(connection, request.number, limit=event_limit)
    delivery = await repeated_deliveries.schedule(
        connection,
        request.number,
        event_id=event_id,
        user_id=request.user_id,
        url=request.webhook_url,
        request_id=request.request_id,
    )
    return Accepted(delivery=delivery)
