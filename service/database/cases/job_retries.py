"""Retries a job that has ended."""

from uuid import UUID

import msgspec

from service.database.cases import case_requests, documents, processes
from service.database.cases.case_requests import Accepted, CaseRequest
from service.database.connection import Connection, as_optional
from service.database.deliveries import deliveries
from service.database.jobs import job_users, jobs
from service.domain.jobs import Lane
from service.domain.process_number import ProcessNumber
from service.domain.statuses import ACTIVE_JOB, JobStatus


class NotRetried(Exception):
    """The job cannot be retried. The message is one line for people."""


class _Ended(msgspec.Struct, frozen=True):
    process_number: str
    user_id: UUID
    status: JobStatus
    error_code: str | None  #: why its case could not be listed
    is_listed: bool
    webhook_url: str | None  #: one that its user wanted to be called when it ends


async def retry(connection: Connection, job_id: UUID, *, request_id: str, event_limit: int) -> Accepted:
    """Request the missing documents of an ended job's case for the job's user: in a new job, or in the active one.

    Users with access to the ended job get access to this one, and its webhooks are called for this one, except those
    of deleted users and cancelled ones. A case that could not be listed is listed again. Needs a transaction. Raises
    `NotRetried`.
    """
    ended = await _lock(connection, job_id)
    number = ProcessNumber(ended.process_number)
    request = CaseRequest(number, ended.user_id, request_id, ended.webhook_url, force_refresh=False, lane=Lane.BATCH)
    if ended.error_code is not None or not ended.is_listed:
        accepted = await case_requests.accept_unlisted(connection, request)
    elif await documents.lacking(connection, number, include_hopeless=False):
        accepted = await case_requests.accept(connection, request, event_limit=event_limit)
    else:
        raise NotRetried("the case lacks nothing that could be downloaded")
    if accepted.job_id is not None:
        await job_users.copy_access(connection, accepted.job_id, like_job_id=job_id)
        await deliveries.subscribe_all(connection, number, job_id=accepted.job_id, like_job_id=job_id)
    return accepted


async def _lock(connection: Connection, job_id: UUID) -> _Ended:
    number = await jobs.process_of(connection, job_id)
    if number is None:
        raise NotRetried("there is no such job")
    await processes.lock(connection, number)
    row = await connection.fetch_one(
        "SELECT jobs.process_number, user_id, status, error_code, listed_at IS NOT NULL AS is_listed,"
        " (SELECT min(url) FROM deliveries JOIN users ON users.id = deliveries.user_id"
        " WHERE job_id = jobs.id AND deliveries.user_id = jobs.user_id AND deleted_at IS NULL"
        " AND deliveries.status <> 'cancelled' AND NOT endpoint_only) AS webhook_url"
        " FROM jobs JOIN processes ON processes.number = jobs.process_number WHERE jobs.id = :id",
        {"id": job_id},
    )
    ended = as_optional(row, _Ended)
    if ended is None or ended.status in ACTIVE_JOB:
        raise NotRetried("the job has not ended")
    return ended
