"""`/jobs`: one job, and how to stop it."""

from typing import Annotated
from uuid import UUID

import msgspec
import structlog
from msgspec import Meta

from service.actions import jobs
from service.actions.jobs import UnknownJob
from service.api.framework import pagination, parameters
from service.api.framework.operations import Call, Tag, operation
from service.api.framework.pagination import Page, PageQuery
from service.api.framework.parameters import CaseNumber
from service.api.framework.queries import NoQuery
from service.api.presenters.jobs import JobView, job_view
from service.database import positions
from service.database.jobs import job_history
from service.database.jobs.job_history import JobFilter, JobRow
from service.domain.jobs import Settlement
from service.domain.positions import Position
from service.domain.process_number import ProcessNumber
from service.domain.statuses import JobStatus

Place = Annotated[
    int | None,
    Meta(
        description="How many jobs will begin before it, as users take turns: counted as if all cases were equally"
        f" large, up to {positions.POSITION_MAX}, which means as many or more. What you ask for one by one goes before"
        " your batches, so a position may rise too. 0: it is the next. Null once the job has begun or ended."
    ),
]


class JobDetails(JobView, frozen=True):
    """One job and its position in the queue."""

    position: Place


class JobQuery(PageQuery, frozen=True):
    """Which jobs."""

    status: Annotated[JobStatus, Meta(description="Jobs with this status.")] | None = None
    process_number: CaseNumber | None = None


@operation("jobs_index", Tag.JOBS, problems=("invalid_process_number",))
async def index(call: Call[JobQuery, None]) -> Page[JobView]:
    """The jobs, the newest first.

    They are the ones that the caller requested or joined; for an administrator, all of them.
    """
    query = call.query
    after = pagination.position(query.cursor, Position[UUID])
    number = None if query.process_number is None else parameters.parsed_number(query.process_number)
    wanted = JobFilter(call.owner, query.status, number)
    async with call.state["database"].connection() as connection:
        found = await job_history.page(connection, wanted, after=after, limit=query.limit + 1)
    rows, cursor = pagination.cut(found, query.limit, lambda row: Position(row.created_at, row.id))
    return Page([job_view(row) for row in rows], cursor)


@operation("jobs_show", Tag.JOBS, problems=("job_not_found",))
async def show(call: Call[NoQuery, None]) -> JobDetails:
    """One job.

    The caller must have requested or joined it; an administrator can see any job.
    """
    job_id = call.identifier("job_id")
    async with call.state["database"].connection() as connection:
        job = job_id and await job_history.find(connection, job_id, user_id=call.owner)
        if not job:
            raise UnknownJob
        position = await positions.position(connection, job.id)
    return JobDetails(**msgspec.structs.asdict(job_view(job)), position=position)


@operation("jobs_cancel", Tag.JOBS, problems=("job_not_found", "job_ended"))
async def cancel(call: Call[NoQuery, None]) -> JobView:
    """Stop a job, or stop waiting for it.

    If other users wait for the job too, it goes on for them: it is returned as it is, `pending` or `processing`, and
    your webhooks for it are not called. To join it again, request the case again. If no other user waits, or if you are
    an administrator, the job ends: available documents stay, downloads in progress end, and its webhooks are called.
    """
    state, job_id = call.state, call.identifier("job_id")
    cancelled = await jobs.cancel(
        state["database"], state["queue"], job_id, owner=call.owner, event_limit=state["event_limit"]
    )
    if cancelled.settlement is not None:
        log_cancelled(cancelled.job, cancelled.settlement)
    return job_view(cancelled.job)


def log_cancelled(job: JobRow, settlement: Settlement) -> None:
    """Log the end of the job here: a worker that has the job only sees that its lease is lost."""
    structlog.get_logger().info(
        "job_ended",
        job_id=str(job.id),
        process_number=ProcessNumber(job.process_number).masked,
        status=settlement.status,
        available=settlement.counts.completed,
        failed=settlement.counts.failed,
    )
