"""What the pages of cases ask of the service: requests of a case, within the limits of the user's key."""

from uuid import UUID

from limits import RateLimitItem

from service.actions.cases import RequestedCase, request_case
from service.api.framework import parameters
from service.console.framework.visits import Visit
from service.database.cases import processes
from service.database.cases.case_requests import CaseRequest
from service.domain.process_number import ProcessNumber

CASES = "/console/cases"


def number_of(visit: Visit) -> ProcessNumber:
    """The case in the path. Raises the problem `invalid_process_number` (400)."""
    return parameters.parsed_number(visit.request.path_params["number"])


def case_path(number: ProcessNumber, rest: str = "") -> str:
    """The path of a case's page, or of something below it."""
    return f"{CASES}/{number.masked}{rest}"


async def spend(visit: Visit, limit: RateLimitItem, kind: str, *, cost: int = 1, by: UUID | None = None) -> None:
    """Count something, by key if `by` names nothing else. Raises the problem `rate_limited` (429)."""
    if cost:
        (await visit.state["limiter"].take(limit, kind, str(by or visit.user.key_id), cost=cost)).check()


async def start_downloads(visit: Visit) -> None:
    """Count a request that may start a download. Raises the problem `rate_limited` (429)."""
    await spend(visit, visit.state["rates"].downloads, "downloads")


def request_of(visit: Visit, number: ProcessNumber, *, is_forced: bool = False) -> CaseRequest:
    """A request of the user. No webhook is called for it."""
    return CaseRequest(number, visit.user.id, visit.state["request_id"], None, force_refresh=is_forced)


async def ask_for(visit: Visit, number: ProcessNumber, *, is_forced: bool = False) -> RequestedCase:
    """Request a case as the main entry of the API does. Raises what `request_case` raises."""
    async with visit.state["database"].connection() as connection:
        known = await processes.completeness(connection, number)
    if is_forced or not known.is_complete:
        await start_downloads(visit)
    request = request_of(visit, number, is_forced=is_forced)
    return await request_case(visit.state, request, is_listed=known.is_listed, auto_download=True, with_documents=False)
