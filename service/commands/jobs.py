"""`autos jobs`: show download jobs, cancel them, retry them."""

from uuid import UUID, uuid4

import click
import msgspec

from service.actions import jobs as actions
from service.actions.jobs import JobEnded, UnknownJob
from service.commands.console import json_option, print_fields, print_json, print_table, read_settings
from service.commands.database import ask
from service.commands.perform import delay, perform
from service.database import positions
from service.database.cases.case_requests import Accepted
from service.database.cases.job_retries import NotRetried
from service.database.connection import Connection
from service.database.jobs import job_history
from service.database.jobs.job_history import JobFilter, JobRow
from service.domain.process_number import InvalidProcessNumber, ProcessNumber
from service.domain.statuses import JobStatus


class _JobDetails(JobRow, frozen=True):
    position: int | None  # None once it has begun


class CaseNumber(click.ParamType[ProcessNumber]):
    """A case number, masked or as 20 digits."""

    name = "case"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> ProcessNumber:
        """Read what was typed."""
        try:
            return value if isinstance(value, ProcessNumber) else ProcessNumber.parse(str(value))
        except InvalidProcessNumber as error:
            self.fail(str(error), param, ctx)


@click.group(name="jobs")
def jobs_group() -> None:
    """Show download jobs, cancel them, retry them."""


@jobs_group.command(name="list")
@click.option("--status", type=click.Choice([each.value for each in JobStatus]))
@click.option("--process", "number", type=CaseNumber(), help="Those of one case.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_jobs(status: str | None, number: ProcessNumber | None, limit: int, *, as_json: bool) -> None:
    """The last jobs, the newest first."""
    wanted = JobFilter(None, None if status is None else JobStatus(status), number)
    found = ask(lambda connection: job_history.page(connection, wanted, limit=limit))
    if as_json:
        print_json([_masked(job) for job in found])
        return
    columns = ("job", "process", "status", "documents", "failed", "created", "ended")
    print_table(columns, [_row(job) for job in found])


@jobs_group.command(name="show")
@click.argument("job_id", type=click.UUID)
@json_option
def show_job(job_id: UUID, *, as_json: bool) -> None:
    """One job. Its position is the number of jobs that begin before it (users take turns); none once it has begun."""

    async def question(connection: Connection) -> _JobDetails | None:
        job = await job_history.find(connection, job_id)
        position = await positions.position(connection, job_id)
        return None if job is None else _JobDetails(**msgspec.structs.asdict(_masked(job)), position=position)

    found = ask(question)
    if found is None:
        raise click.ClickException("there is no such job")
    if as_json:
        print_json(found)
        return
    print_fields(found)


@jobs_group.command()
@click.argument("job_id", type=click.UUID)
def cancel(job_id: UUID) -> None:
    """Cancel a job. Available documents stay; its webhooks are called."""
    limit = read_settings().webhook_max_documents

    try:
        cancelled = perform(
            lambda database, queue: actions.cancel(database, queue, job_id, owner=None, event_limit=limit)
        )
    except UnknownJob:
        raise click.ClickException("there is no such job") from None
    except JobEnded:
        raise click.ClickException("the job has ended already: there is nothing to cancel") from None
    click.echo("the job is cancelled" + delay(is_enqueued=cancelled.is_enqueued))


@jobs_group.command()
@click.argument("job_id", type=click.UUID)
@json_option
def retry(job_id: UUID, *, as_json: bool) -> None:
    """Request the missing documents of an ended job's case again, for the same user and the same webhooks.

    Documents that can never be downloaded are left out. A case that could not be listed is listed again.
    """
    limit = read_settings().webhook_max_documents
    request_id = str(uuid4())
    try:
        retried = perform(
            lambda database, queue: actions.retry(database, queue, job_id, request_id=request_id, event_limit=limit)
        )
    except NotRetried as error:
        raise click.ClickException(str(error)) from None
    accepted = retried.accepted
    if as_json:
        print_json({"job_id": accepted.job_id, "new_job": accepted.new_job})
        return
    click.echo(_said(accepted) + delay(is_enqueued=retried.is_enqueued))


def _said(accepted: Accepted) -> str:
    if accepted.new_job:
        return f"the new job is {accepted.job_id}"
    return f"another job works on the case already: {accepted.job_id}"


def _masked(job: JobRow) -> JobRow:
    """The job with its case number as the API writes it."""
    return msgspec.structs.replace(job, process_number=ProcessNumber(job.process_number).masked)


def _row(job: JobRow) -> tuple[object, ...]:
    number = ProcessNumber(job.process_number).masked
    documents = f"{job.completed_documents}/{job.total_documents}"
    return (job.id, number, job.status, documents, job.failed_documents, job.created_at, job.completed_at)
