"""Requests many cases at once for a person, who does not wait for the portal: workers list the unknown ones."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from service.actions.cases import request_case
from service.actions.state import ActionState
from service.database.cases import processes
from service.database.cases.case_requests import CaseRequest
from service.database.cases.processes import Completeness
from service.domain.jobs import Lane
from service.domain.process_number import ProcessNumber

MANY_CONCURRENCY = 8  # cases of one request at the same time; other requests need connections too


async def known_cases(state: ActionState, numbers: Sequence[ProcessNumber]) -> Mapping[ProcessNumber, Completeness]:
    """Return what is known of each case."""
    async with state["database"].connection() as connection:
        return await processes.completeness_of(connection, numbers)


def starting(known: Mapping[ProcessNumber, Completeness]) -> int:
    """Count the cases for which a request starts a download."""
    return sum(not each.is_active and not each.is_complete for each in known.values())


async def request_many(
    state: ActionState, known: Mapping[ProcessNumber, Completeness], *, user_id: UUID, request_id: str
) -> None:
    """Start the missing downloads of each case, or join the ones under way. None of it asks the portal.

    If it is cancelled, some of the cases are requested and others are not: it can be repeated.
    """
    places = asyncio.Semaphore(MANY_CONCURRENCY)

    async def request_one(number: ProcessNumber) -> None:
        request = CaseRequest(number, user_id, request_id, None, force_refresh=False, lane=Lane.BATCH)
        async with places:
            await request_case(
                state, request, is_listed=known[number].is_listed, auto_download=True, with_documents=False, timeout=0
            )

    async with asyncio.TaskGroup() as group:
        for number in known:
            group.create_task(request_one(number))
