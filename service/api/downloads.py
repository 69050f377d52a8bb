"""`/processes/{number}/download-...`: the steps of the main entry, one by one."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from service.actions.cases import list_process, ring
from service.api.framework import parameters
from service.api.framework.case_problems import not_requested
from service.api.framework.operations import Answer, Call, Reply, Tag, operation, start_downloads
from service.api.framework.parameters import WebhookUrl
from service.api.framework.queries import NoQuery
from service.api.presenters.jobs import JobView, job_view
from service.api.presenters.processes import ProcessView
from service.api.processes import case_view, find_case
from service.database.cases import case_requests, documents, processes
from service.database.cases.case_requests import Accepted, CaseRequest
from service.database.connection import Connection
from service.database.jobs import job_history
from service.http.problems import Problem


class OneBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The webhook to call."""

    webhook_url: WebhookUrl | None = None


class AllBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The webhook to call, and whether available documents are downloaded again."""

    webhook_url: WebhookUrl | None = None
    force: Annotated[bool, Meta(description="Download available documents again too.")] = False


class StartedView(msgspec.Struct, frozen=True):
    """The job that does the downloads."""

    process_number: Annotated[str, Meta(description="The case number, masked.")]
    job_id: Annotated[UUID | None, Meta(description="The job; null if there was nothing to do.")]
    job: Annotated[JobView | None, Meta(description="The job as it is now.")]


_REPLIES = (
    Reply(202, "The job that does it."),
    Reply(200, "There is nothing to download; a webhook is called at once."),
)


@operation(
    "downloads_register",
    Tag.DOWNLOADS,
    problems=("process_not_found", "process_access_denied", "portal_unavailable"),
    limited=True,
)
async def register_documents(call: Call[NoQuery, None]) -> ProcessView:
    """Ask the portal for the list of the documents and register it.

    It starts no job. If a job for the case has not ended, that job downloads the new documents too.
    """
    wanted = CaseRequest(call.number, call.user.id, call.state["request_id"], None, force_refresh=True)
    await list_process(call.state, wanted, is_forced=True)
    async with call.state["turns"].take():
        case = await call.state["database"].run(lambda connection: find_case(connection, wanted))
    return await case_view(call.state, wanted, case)


@operation(
    "downloads_one",
    Tag.DOWNLOADS,
    *_REPLIES[:1],
    problems=("process_not_found", "document_not_found", "invalid_webhook_url"),
    limited=True,
)
async def download_document(call: Call[NoQuery, OneBody]) -> Answer[StartedView]:
    """Download one document, even if it is available.

    The stored file stays until the new one is verified.
    """
    wanted = await _wanted(call, call.body.webhook_url)
    document_id = call.identifier("document_id")

    async def start(connection: Connection) -> tuple[Accepted, StartedView]:
        if not await processes.lock(connection, call.number):
            raise not_requested()
        if document_id is None or await documents.find(connection, call.number, document_id) is None:
            raise Problem("document_not_found", "This case has no such document.")
        accepted = await _download(call, connection, wanted, [document_id])
        return accepted, await _started(connection, wanted, accepted)

    async with call.state["turns"].take():
        accepted, view = await call.state["database"].run(start)
    await ring(call.state, accepted)
    return Answer(view, 202)


@operation(
    "downloads_everything",
    Tag.DOWNLOADS,
    *_REPLIES,
    problems=("process_not_found", "invalid_webhook_url"),
    limited=True,
)
async def download_all(call: Call[NoQuery, AllBody]) -> Answer[StartedView]:
    """Download the missing documents of a case, or all of them again.

    With `force` available documents are downloaded again too. The case must have been requested or registered before:
    the portal is not asked for its list.
    """
    wanted = await _wanted(call, call.body.webhook_url)

    async def start(connection: Connection) -> tuple[Accepted, StartedView]:
        if not await processes.lock(connection, call.number):
            raise not_requested()
        if call.body.force:
            ids = await documents.ids_of_process(connection, call.number)
            accepted = await _download(call, connection, wanted, ids)
        else:
            accepted = await case_requests.accept(connection, wanted, event_limit=call.state["event_limit"])
        return accepted, await _started(connection, wanted, accepted)

    async with call.state["turns"].take():
        accepted, view = await call.state["database"].run(start)
    await ring(call.state, accepted)
    return Answer(view, 200 if view.job is None else 202)


async def _wanted(call: Call[NoQuery, OneBody] | Call[NoQuery, AllBody], webhook_url: str | None) -> CaseRequest:
    await start_downloads(call)
    if webhook_url is not None:
        webhook_url = await parameters.checked_webhook_url(call.request, webhook_url)
    return CaseRequest(call.number, call.user.id, call.state["request_id"], webhook_url, force_refresh=False)


async def _download(
    call: Call[NoQuery, OneBody] | Call[NoQuery, AllBody], connection: Connection, wanted: CaseRequest, ids: list[UUID]
) -> Accepted:
    return await case_requests.download(connection, wanted, ids, event_limit=call.state["event_limit"])


async def _started(connection: Connection, wanted: CaseRequest, accepted: Accepted) -> StartedView:
    job = None if accepted.job_id is None else await job_history.find(connection, accepted.job_id)
    return StartedView(wanted.number.masked, accepted.job_id, None if job is None else job_view(job))
