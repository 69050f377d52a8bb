"""Starts downloads of a case that is known. The portal is not asked for its list."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from service.actions.cases import NotRequested, enqueue
from service.actions.state import ActionState
from service.database.cases import case_requests, documents, processes
from service.database.cases.case_requests import Accepted, CaseRequest
from service.database.connection import Connection
from service.database.jobs import job_history
from service.database.jobs.job_history import JobRow


class UnknownDocument(Exception):
    """The case has no such document."""


async def request_document(state: ActionState, request: CaseRequest, document_id: UUID | None) -> JobRow | None:
    """Download one document, even if it is available. Return the job. Raises `NotRequested` and `UnknownDocument`."""

    async def start(connection: Connection) -> Accepted:
        if document_id is None or await documents.find(connection, request.number, document_id) is None:
            raise UnknownDocument
        return await case_requests.download(connection, request, [document_id], event_limit=state["event_limit"])

    return await _start(state, request, start)


async def request_documents(state: ActionState, request: CaseRequest, *, again: bool) -> JobRow | None:
    """Download the missing documents of a case, or all of them `again`. Return the job. Raises `NotRequested`.

    None: there is nothing to download, and the webhook of the request is called at once.
    """

    async def start(connection: Connection) -> Accepted:
        if not again:
            return await case_requests.accept(connection, request, event_limit=state["event_limit"])
        ids = await documents.ids_of_process(connection, request.number)
        return await case_requests.download(connection, request, ids, event_limit=state["event_limit"])

    return await _start(state, request, start)


async def _start(
    state: ActionState, request: CaseRequest, accept: Callable[[Connection], Awaitable[Accepted]]
) -> JobRow | None:
    async def step(connection: Connection) -> tuple[Accepted, JobRow | None]:
        if not await processes.lock(connection, request.number):
            raise NotRequested
        accepted = await accept(connection)
        return accepted, None if accepted.job_id is None else await job_history.find(connection, accepted.job_id)

    accepted, job = await state["database"].run(step)
    await enqueue(state, accepted)
    return job
