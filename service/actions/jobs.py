"""Stops jobs and retries them."""

from uuid import UUID

import msgspec

from service.database.access import DatabaseAccess
from service.database.cases import case_requests, job_retries
from service.database.cases.case_requests import Accepted
from service.database.connection import Connection
from service.database.jobs import job_history
from service.database.jobs.job_history import JobRow
from service.domain.deliveries import DeliveryMessage
from service.domain.jobs import Settlement
from service.domain.statuses import JobStatus
from service.queue.task_queue import TaskQueue


class UnknownJob(Exception):
    """There is no such job of this owner."""


class JobEnded(Exception):
    """The job has ended before."""


class CancelledJob(msgspec.Struct, frozen=True):
    """A job after it was cancelled, or after its owner stopped waiting for it."""

    job: JobRow
    settlement: Settlement | None  #: None: it goes on for other users, or it was cancelled before
    is_enqueued: bool  #: False: Redis does not answer, and the workers' sweep enqueues the deliveries later


class Retried(msgspec.Struct, frozen=True):
    """A request for what an ended job's case lacks."""

    accepted: Accepted
    is_enqueued: bool  #: False: Redis does not answer, and a worker takes the job up within seconds


async def cancel(
    database: DatabaseAccess, queue: TaskQueue, job_id: UUID | None, *, owner: UUID | None, event_limit: int
) -> CancelledJob:
    """Cancel a job, or stop waiting for it. Raises `UnknownJob` and `JobEnded`.

    `owner`: the user who no longer waits; the job goes on for others. None: it is cancelled for all users.
    """

    async def stop(connection: Connection) -> tuple[JobRow, Settlement | None]:
        job = None if job_id is None else await job_history.find(connection, job_id, user_id=owner)
        if job is None:
            raise UnknownJob
        if owner is None:
            settlement = await case_requests.cancel(connection, job.id, event_limit=event_limit)
        else:
            settlement = await case_requests.withdraw(connection, job.id, owner, event_limit=event_limit)
        return await job_history.find(connection, job.id) or job, settlement

    job, settlement = await database.run(stop)
    if settlement is None and job.status in {JobStatus.COMPLETED, JobStatus.FAILED}:
        raise JobEnded
    due = () if settlement is None else settlement.deliveries
    enqueued = [await queue.enqueue_delivery(DeliveryMessage(delivery_id)) for delivery_id in due]
    return CancelledJob(job, settlement, all(enqueued))


async def retry(
    database: DatabaseAccess, queue: TaskQueue, job_id: UUID, *, request_id: str, event_limit: int
) -> Retried:
    """Request the missing documents of an ended job's case again. Raises `NotRetried`."""

    async def accept(connection: Connection) -> Accepted:
        return await job_retries.retry(connection, job_id, request_id=request_id, event_limit=event_limit)

    accepted = await database.run(accept)
    if accepted.job_id is None or not (accepted.new_job or accepted.can_go_on):
        return Retried(accepted, is_enqueued=True)
    return Retried(accepted, is_enqueued=await queue.enqueue_job(accepted.job_id))
