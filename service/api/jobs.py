"""`/jobs`: one job, and how to stop it."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
from starlette.responses import Response

from service.api.authentication import caller, presented_key
from service.api.problems import Problem
from service.api.responses import json_response
from service.api.state import ApiRequest
from service.database import jobs, requests
from service.database.connection import Connection
from service.database.jobs import JobRow
from service.database.users import User
from service.domain.process_number import ProcessNumber


class JobView(msgspec.Struct, frozen=True):
    """One job as clients see it."""

    id: UUID
    process_number: str
    status: str
    total_documents: int
    completed_documents: int
    failed_documents: int
    error_code: str | None
    error_message: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


async def show(request: ApiRequest) -> Response:
    """One job, of the caller's own or, for an administrator, of anybody's."""
    api_key = presented_key(request)
    async with request.state["database"].connection() as connection:
        user = await caller(connection, api_key)
        job = await _visible(connection, request, user)
    return json_response(_view(job))


async def cancel(request: ApiRequest) -> Response:
    """Stop a job: what is available stays, downloads in flight end, its subscribers are told."""
    api_key = presented_key(request)
    limit = request.state["options"].webhook_max_documents
    async with request.state["database"].transaction() as connection:
        user = await caller(connection, api_key)
        job = await _visible(connection, request, user)
        settlement = await requests.cancel(connection, job.id, event_limit=limit)
        after = await jobs.find(connection, job.id)
    if settlement is None and job.status != "cancelled":
        raise Problem(409, "job_ended", "The job has ended already: there is nothing to cancel.")
    for delivery_id in () if settlement is None else settlement.deliveries:
        await request.state["bell"].ring_delivery(delivery_id, attempt=1)
    return json_response(_view(after or job))


async def _visible(connection: Connection, request: ApiRequest, user: User) -> JobRow:
    try:
        job_id = UUID(request.path_params["job_id"])
    except ValueError:
        raise _not_found() from None
    if user.role == "admin":
        found = await jobs.find(connection, job_id)
    else:
        found = await jobs.find_for(connection, job_id, user.id)
    if found is None:
        raise _not_found()
    return found


def _view(job: JobRow) -> JobView:
    return JobView(
        id=job.id,
        process_number=ProcessNumber(job.process_number).masked,
        status=job.status,
        total_documents=job.total_documents,
        completed_documents=job.completed_documents,
        failed_documents=job.failed_documents,
        error_code=job.error_code,
        error_message=job.error_message,
        created_at=job.created_at.astimezone(UTC),
        started_at=None if job.started_at is None else job.started_at.astimezone(UTC),
        completed_at=None if job.completed_at is None else job.completed_at.astimezone(UTC),
    )


def _not_found() -> Problem:
    return Problem(404, "job_not_found", "There is no such job of yours.")
