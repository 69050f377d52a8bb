"""Jobs: what runs, what waits, what has ended."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from service.actions import jobs
from service.api.framework import pagination
from service.api.jobs import log_cancelled
from service.console.framework.declarations import Go, page, post
from service.console.framework.visits import Visit
from service.console.views.jobs import JobLine, job_line
from service.console.views.lists import Tab, query_of
from service.database import positions
from service.database.connection import Connection
from service.database.jobs import job_history
from service.database.jobs.job_history import JobFilter, JobRow
from service.domain.positions import Position
from service.domain.statuses import JobStatus

JOBS = "/console/jobs"
RUNNING_SHOWN = 100  # the newest; workers run fewer
JOBS_SHOWN = 50  # on a page
ENDED = (JobStatus.FAILED, JobStatus.COMPLETED, JobStatus.CANCELLED)


class JobsView(msgspec.Struct, frozen=True):
    """Either the jobs that run and wait, or those that ended in one way."""

    tabs: Sequence[Tab]
    ended: str | None  #: how those that are shown have ended; None: they run or wait
    running: Sequence[JobLine]
    jobs: Sequence[JobLine]
    first_path: str | None
    next_path: str | None


@page("jobs.html")
async def index(visit: Visit) -> JobsView:
    """The jobs that the user may see."""
    shown = visit.query("status")
    ended = JobStatus(shown) if shown in set(ENDED) else None
    after = pagination.position(visit.query("cursor") or None, Position[UUID])
    async with visit.state["database"].connection() as connection:
        if ended is None:
            running = await _page(connection, visit, JobStatus.PROCESSING, None, RUNNING_SHOWN)
            found = await _page(connection, visit, JobStatus.PENDING, after, JOBS_SHOWN + 1)
            places = await positions.positions_of(connection, [job.id for job in found[:JOBS_SHOWN]])
        else:
            running, places = [], {}
            found = await _page(connection, visit, ended, after, JOBS_SHOWN + 1)
    rows, cursor = pagination.cut(found, JOBS_SHOWN, lambda job: Position(job.created_at, job.id))
    return JobsView(
        tabs=_tabs(ended),
        ended=ended,
        running=[job_line(job) for job in running],
        jobs=[job_line(job, places.get(job.id)) for job in rows],
        first_path=query_of(JOBS, status=ended) if after is not None else None,
        next_path=cursor and query_of(JOBS, status=ended, cursor=cursor),
    )


async def _page(
    connection: Connection, visit: Visit, status: JobStatus, after: Position[UUID] | None, limit: int
) -> list[JobRow]:
    return await job_history.page(connection, JobFilter(visit.owner, status), after=after, limit=limit)


def _tabs(ended: JobStatus | None) -> list[Tab]:
    now = Tab("jobs.now", JOBS, ended is None)
    return [now, *(Tab(f"jobs.{each}", query_of(JOBS, status=each), each is ended) for each in ENDED)]


@post()
async def cancel(visit: Visit) -> Go:
    """Stop a job, or stop waiting for it if others do."""
    state = visit.state
    cancelled = await jobs.cancel(
        state["database"],
        state["queue"],
        visit.identifier("job_id"),
        owner=visit.owner,
        event_limit=state["event_limit"],
    )
    if cancelled.settlement is not None:
        log_cancelled(cancelled.job, cancelled.settlement)
    has_left = cancelled.settlement is None and cancelled.job.completed_at is None
    return Go(JOBS, done="job_left" if has_left else "job_cancelled")
