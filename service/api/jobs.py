"""`/jobs`: one job, and how to stop it."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from service.api.operations import Call, operation
from service.api.parameters import utc
from service.api.problems import Problem
from service.api.queries import NoQuery
from service.database import jobs, requests
from service.database.connection import Connection
from service.database.jobs import JobRow
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


@operation(problems=("job_not_found",))
async def show(call: Call[NoQuery, None]) -> JobView:
    """One job, of the caller's own or, for an administrator, of anybody's."""
    async with call.state["database"].connection() as connection:
        return _view(await _visible(connection, call))


@operation(problems=("job_not_found", "job_ended"))
async def cancel(call: Call[NoQuery, None]) -> JobView:
    """Stop a job: what is available stays, downloads in flight end, its subscribers are told."""
    limit = call.state["options"].webhook_max_documents
    async with call.state["database"].transaction() as connection:
        job = await _visible(connection, call)
        settlement = await requests.cancel(connection, job.id, event_limit=limit)
        after = await jobs.find(connection, job.id)
    if settlement is None and job.status != "cancelled":
        raise Problem("job_ended", "The job has ended already: there is nothing to cancel.")
    for delivery_id in () if settlement is None else settlement.deliveries:
        await call.state["bell"].ring_delivery(delivery_id, attempt=1)
    return _view(after or job)


async def _visible(connection: Connection, call: Call[NoQuery, None]) -> JobRow:
    job_id = call.identifier("job_id")
    found = job_id and await jobs.find(connection, job_id, user_id=call.owner)
    if not found:
        raise Problem("job_not_found", "There is no such job of yours.")
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
        started_at=utc(job.started_at),
        completed_at=utc(job.completed_at),
    )
