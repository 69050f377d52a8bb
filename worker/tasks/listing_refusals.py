"""When the portal's unclear answers mean that it will never list a case."""

from service.domain.errors import ErrorCode
from service.domain.process_number import ProcessNumber
from service.portal.client import PortalClient
from service.portal.errors import PortalError, Unauthorized, Unavailable

SEARCH_TIMEOUT = 20.0  # seconds


async def final_error(
    portal: PortalClient, number: ProcessNumber, error: PortalError, *, failures: int
) -> ErrorCode | None:
    """The final error of a case after at least two unclear answers; None if the case may still be listed.

    `failures`: unclear answers before this one.
    """
    if not failures or not isinstance(error, Unavailable):
        return None
    if isinstance(error, Unauthorized) and error.token_works:
        return ErrorCode.PROCESS_ACCESS_DENIED
    # For a case that is not in its index the portal answers 500, but its search says that there is no such case.
    if error.code is ErrorCode.PORTAL_ERROR:
        is_there = await portal.has_process(number, timeout=SEARCH_TIMEOUT)
        return ErrorCode.PROCESS_NOT_FOUND if is_there is False else None
    return None
