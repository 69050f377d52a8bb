"""What the forms of a case's page do."""

from service.actions.cases import NotRequested
from service.actions.downloads import request_document, request_documents
from service.console.case_requests import ask_for, case_path, number_of, request_of, start_downloads
from service.console.framework.declarations import Go, post
from service.console.framework.visits import Visit
from service.database.cases import processes


@post()
async def refresh(visit: Visit) -> Go:
    """Ask the portal again, and download what is new."""
    number = number_of(visit)
    case = await ask_for(visit, number, is_forced=True)
    return Go(case_path(number), done="case_kept" if case.is_unlisted else "case_refreshed")


@post()
async def retry(visit: Visit) -> Go:
    """Download what the case lacks, as far as another try may help."""
    number = number_of(visit)
    async with visit.state["database"].connection() as connection:
        known = await processes.completeness(connection, number)
        if not known.is_listed and not await processes.exists(connection, number):
            raise NotRequested
    if not known.is_listed:
        await ask_for(visit, number)
        return Go(case_path(number), done="case_retried")
    await start_downloads(visit)
    job = await request_documents(visit.state, request_of(visit, number), again=False)
    return Go(case_path(number), done="nothing_missing" if job is None else "case_retried")


@post()
async def download_document(visit: Visit) -> Go:
    """Download one document again."""
    number = number_of(visit)
    await start_downloads(visit)
    await request_document(visit.state, request_of(visit, number), visit.identifier("document_id"))
    return Go(case_path(number), done="document_retried")
