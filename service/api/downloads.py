"""`/processes/{number}/download-...`: the steps of the main entry, one by one."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from service.actions.cases import register_case
from service.actions.downloads import request_document, request_documents
from service.api.framework import parameters
from service.api.framework.operations import Answer, Call, Reply, Tag, operation, start_downloads
from service.api.framework.parameters import WebhookUrl
from service.api.framework.queries import NoQuery
from service.api.presenters.jobs import JobView, job_view
from service.api.presenters.processes import ProcessView, case_view
from service.database.cases.case_requests import CaseRequest
from service.database.jobs.job_history import JobRow
from service.domain.process_number import ProcessNumber


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
    request = CaseRequest(call.number, call.user.id, call.state["request_id"], None, force_refresh=True)
    case = await register_case(call.state, request)
    return await case_view(request.number, case, call.state["links"], call.state["slices"])


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
    request = await _request(call, call.body.webhook_url)
    job = await request_document(call.state, request, call.identifier("document_id"))
    return Answer(_started(call.number, job), 202)


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
    request = await _request(call, call.body.webhook_url)
    job = await request_documents(call.state, request, again=call.body.force)
    return Answer(_started(call.number, job), 200 if job is None else 202)


async def _request(call: Call[NoQuery, OneBody] | Call[NoQuery, AllBody], webhook_url: str | None) -> CaseRequest:
    await start_downloads(call)
    if webhook_url is not None:
        webhook_url = await parameters.checked_webhook_url(call.request, webhook_url)
    return CaseRequest(call.number, call.user.id, call.state["request_id"], webhook_url, force_refresh=False)


def _started(number: ProcessNumber, job: JobRow | None) -> StartedView:
    return StartedView(number.masked, None if job is None else job.id, None if job is None else job_view(job))
