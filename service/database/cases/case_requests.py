"""Transactions that write a process, its documents, job and deliveries: accept a request, end a job.

Each locks the row of its process first, so that two of them never interleave.
"""

from uuid import UUID

import msgspec

from service.database.cases import case_events, documents, listed_case, listed_documents, news, processes
from service.database.connection import Connection
from service.database.deliveries import deliveries, endpoints, repeated_deliveries
from service.database.jobs import job_users, jobs
from service.domain.deliveries import DeliveryMessage
from service.domain.errors import ErrorCode
from service.domain.events import count
from service.domain.jobs import ClaimedJob, Lane, Settlement
from service.domain.listings import Listing, Registered
from service.domain.process_number import ProcessNumber
from service.domain.statuses import JobStatus


class CaseRequest(msgspec.Struct, frozen=True):
    """A client's request for a process."""

    number: ProcessNumber
    user_id: UUID
    request_id: str
    webhook_url: str | None
    force_refresh: bool
    lane: Lane = Lane.SINGLE


class Accepted(msgspec.Struct, frozen=True):
    """What was written for a request, and what the caller must enqueue after the commit."""

    job_id: UUID | None = None
    new_job: bool = False
    can_go_on: bool = False  #: the job was paused, and has something to do now
    delivery: DeliveryMessage | None = None
    endpoint_deliveries: tuple[UUID, ...] = ()


async def register(connection: Connection, listing: Listing, *, event_limit: int = 500) -> Registered:
    """Write a listing of a case and lock the case. An active job gets the documents to download.

    Users who watch the case are told what is new, unless it has to be downloaded first. Nothing is written if a newer
    listing is already registered.
    """
    place = await processes.register(connection, listing)
    if place is None:
        return Registered()
    job_id = await jobs.find_active(connection, listing.number)
    await documents.lock_all(connection, listing.number)
    if job_id is not None:
        await _freeze_progress(connection, listing.number, job_id)
    await listed_documents.register(connection, listing.number, listing.documents, asked=place)
    await listed_documents.drop_unlisted(connection, listing.number, listing.documents)
    if listing.case is not None:
        await listed_case.register(connection, listing.number, listing.case, asked=place)
    if job_id is not None:
        await documents.join_job(connection, listing.number, job_id)
    await processes.refresh_state(connection, listing.number)
    told = await news.tell_watchers(connection, listing.number, limit=event_limit)
    waited = None if job_id is None else await jobs.stop_waiting(connection, job_id, place=place)
    return Registered(waited, told)


async def _freeze_progress(connection: Connection, number: ProcessNumber, job_id: UUID) -> None:
    counts = count(await documents.of_process(connection, number))
    await jobs.freeze_progress(connection, job_id, counts.progress_percentage if counts.total else 0.0)


async def accept(connection: Connection, request: CaseRequest, *, event_limit: int) -> Accepted:
    """Give the missing documents to the active job or a new one. If none is missing, schedule the webhook at once.

    The caller holds the lock of the process, from `register` or `processes.lock`.
    """
    job_id = await jobs.find_active(connection, request.number)
    if job_id is not None:
        has_more = await _give_lacking(connection, request, job_id)
        return await _join(connection, request, job_id, has_more=has_more)
    lacking = await documents.lacking(connection, request.number, include_hopeless=request.force_refresh)
    return await _start(connection, request, lacking, event_limit)


async def _give_lacking(connection: Connection, request: CaseRequest, job_id: UUID) -> bool:
    # Count first what clients have seen: documents that join would lower the progress.
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


async def download(connection: Connection, request: CaseRequest, ids: list[UUID], *, event_limit: int) -> Accepted:
    """Download these documents, even if they are available; they keep their files meanwhile.

    An active job takes them over. The caller holds the lock of the process.
    """
    job_id = await jobs.find_active(connection, request.number)
    if job_id is None:
        return await _start(connection, request, ids, event_limit)
    await _freeze_progress(connection, request.number, job_id)
    await documents.assign(connection, request.number, ids, job_id, waiting=True)
    return await _join(connection, request, job_id, has_more=True)


async def accept_unlisted(connection: Connection, request: CaseRequest, *, asked: int | None = None) -> Accepted:
    """Accept a request whose listing did not arrive in time: a worker will ask the portal.

    An active job goes on meanwhile. `asked`: sequence number of that listing; a forced request needs a later one.
    """
    await processes.add_unlisted(connection, request.number)
    job_id = await jobs.find_active(connection, request.number)
    new_job = job_id is None
    if job_id is None:
        job_id = await _create_job(connection, request, refresh=True)
        await processes.refresh_state(connection, request.number)
    else:
        await _freeze_progress(connection, request.number, job_id)
    await jobs.ask_for_refresh(connection, job_id, after=asked if request.force_refresh else None)
    joined = await _join(connection, request, job_id)
    return msgspec.structs.replace(joined, new_job=new_job)


async def finish(connection: Connection, job: ClaimedJob, *, event_limit: int) -> Settlement | None:
    """End a job that has nothing left to do; None if something was added meanwhile. Raises `LeaseLost`."""
    await processes.lock(connection, job.number)
    if await jobs.has_work(connection, job):
        return None
    return await end_job(connection, job.number, job.id, event_limit=event_limit)


async def fail_listing(
    connection: Connection, job: ClaimedJob, error: ErrorCode, *, event_limit: int
) -> Settlement | None:
    """End a job whose case cannot be listed. Raises `LeaseLost`.

    None: documents of the case are known, and the job goes on with those. The portal sometimes says by mistake that
    there is no such case.
    """
    await processes.lock(connection, job.number)
    await jobs.has_work(connection, job)
    if await _goes_on_with_known(connection, job, error):
        return None
    return await end_job(connection, job.number, job.id, error=error, event_limit=event_limit)


async def _goes_on_with_known(connection: Connection, job: ClaimedJob, error: ErrorCode) -> bool:
    if not await documents.ids_of_process(connection, job.number):
        return False
    if error is ErrorCode.JOB_EXPIRED:
        await jobs.note_error(connection, job.id, error)
        if not await jobs.wants_listing(connection, job):
            # It waited for documents, not for a listing: its time is over.
            return False
    await jobs.stop_waiting(connection, job.id, place=None)
    await documents.join_job(connection, job.number, job.id)
    return True


async def cancel(connection: Connection, job_id: UUID, *, event_limit: int) -> Settlement | None:
    """Cancel an active job; None if it has ended. The worker that runs it loses its lease."""
    number = await jobs.process_of(connection, job_id)
    if number is None or not await processes.lock(connection, number):
        return None
    if await jobs.find_active(connection, number) != job_id:
        return None
    return await end_job(connection, number, job_id, cancelled=True, event_limit=event_limit)


async def withdraw(connection: Connection, job_id: UUID, user_id: UUID, *, event_limit: int) -> Settlement | None:
    """Remove a user from an active job. The job goes on for other users; if there are none, it is cancelled.

    None: it goes on, and this user's webhooks are not called; or it had ended before.
    """
    number = await jobs.process_of(connection, job_id)
    if number is None or not await processes.lock(connection, number):
        return None
    if await jobs.find_active(connection, number) != job_id:
        return None
    if await job_users.withdraw(connection, job_id, user_id):
        await deliveries.unsubscribe(connection, job_id, user_id)
        return None
    return await end_job(connection, number, job_id, cancelled=True, event_limit=event_limit)


async def end_job(
    connection: Connection,
    number: ProcessNumber,
    job_id: UUID,
    *,
    error: ErrorCode | None = None,
    cancelled: bool = False,
    event_limit: int,
) -> Settlement:
    """Write the end of an active job, its one event, and the schedule of its deliveries.

    The job's status depends on its own documents; the event describes the whole case. The caller holds the lock of
    the process.
    """
    has_left_over = await documents.lock_left_over(connection, job_id)
    counts = await jobs.count_documents(connection, job_id)
    status = _outcome(cancelled=cancelled, failed=bool(error) or counts.failed > 0)
    moment = await jobs.end(connection, job_id, status, counts, error=error)
    if has_left_over:
        await documents.leave_job(connection, job_id)
    event_id = await case_events.record_end(connection, number, job_id, status, moment=moment, limit=event_limit)
    due = await endpoints.schedule_for_job(connection, number, job_id, event_id)
    await processes.refresh_state(connection, number)
    due += await news.tell_watchers(connection, number, limit=event_limit)
    return Settlement(status, counts, due)


def _outcome(*, cancelled: bool, failed: bool) -> JobStatus:
    if cancelled:
        return JobStatus.CANCELLED
    return JobStatus.FAILED if failed else JobStatus.COMPLETED


async def _start(connection: Connection, request: CaseRequest, ids: list[UUID], event_limit: int) -> Accepted:
    if not ids:
        return await _report_at_once(connection, request, event_limit)
    job_id = await _create_job(connection, request, refresh=False)
    waiting = request.webhook_url is not None
    await documents.assign(connection, request.number, ids, job_id, waiting=waiting)
    await processes.refresh_state(connection, request.number)
    await _subscribe(connection, request, job_id)
    return Accepted(job_id, new_job=True)


async def _create_job(connection: Connection, request: CaseRequest, *, refresh: bool) -> UUID:
    return await jobs.create(
        connection,
        request.number,
        refresh=refresh,
        user_id=request.user_id,
        request_id=request.request_id,
        lane=request.lane,
    )


async def _join(connection: Connection, request: CaseRequest, job_id: UUID, *, has_more: bool = False) -> Accepted:
    if has_more:
        await processes.note_change(connection, request.number)
    await job_users.grant_access(connection, job_id, request.user_id)
    await jobs.hasten(connection, job_id, request.lane)
    await _subscribe(connection, request, job_id)
    # The job may wait for a listing for minutes, and the documents that joined need none.
    can_go_on = has_more and await jobs.stop_pausing(connection, job_id)
    return Accepted(job_id, can_go_on=can_go_on)


async def _subscribe(connection: Connection, request: CaseRequest, job_id: UUID) -> None:
    if request.webhook_url is None:
        return
    await deliveries.subscribe(
        connection, request.number, job_id=job_id, user_id=request.user_id, url=request.webhook_url
    )


async def _report_at_once(connection: Connection, request: CaseRequest, event_limit: int) -> Accepted:
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
    told = await endpoints.schedule_for_endpoints(
        connection, request.number, event_id=event_id, user_ids=[request.user_id], request_id=request.request_id
    )
    return Accepted(delivery=delivery, endpoint_deliveries=told)
