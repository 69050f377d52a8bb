"""Requests that name many cases: one result for each number, and a bad one does not affect the others."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from service.actions.shared_listings import SHORT_LISTING_TIMEOUT
from service.api.framework import parameters
from service.api.framework.refusals import REFUSALS, problem_of
from service.database.connection import UNREACHABLE
from service.domain.process_number import ProcessNumber
from service.http.problems import Problem, ProblemView

Result = TypeVar("Result")

NUMBERS_MAX = 1000  # in one request
CASES_CONCURRENCY = 8  # cases of one request at the same time; other requests need connections too
#: Seconds in which the portal is asked; the workers list the cases that are left then. Proxies give up after 30.
LISTINGS_TIMEOUT = 15.0


def parsed_or_problem(given: str) -> ProcessNumber | ProblemView:
    """A case number, or the problem `invalid_process_number`."""
    try:
        return parameters.parsed_number(given)
    except Problem as problem:
        return problem.view()


async def for_each_case(
    numbers: Iterable[ProcessNumber], handle: Callable[[ProcessNumber, float], Awaitable[Result]]
) -> dict[ProcessNumber, Result | ProblemView]:
    """Handle the cases, some at the same time. `handle` gets a number and the seconds that its listing may take."""
    results: dict[ProcessNumber, Result | ProblemView] = {}
    places, deadline = asyncio.Semaphore(CASES_CONCURRENCY), time.monotonic() + LISTINGS_TIMEOUT

    async def handle_one(number: ProcessNumber) -> None:
        async with places:
            timeout = min(deadline - time.monotonic(), SHORT_LISTING_TIMEOUT)
            results[number] = await _result_or_problem(handle(number, timeout))

    async with asyncio.TaskGroup() as group:
        for number in numbers:
            group.create_task(handle_one(number))
    return results


async def _result_or_problem(handling: Awaitable[Result]) -> Result | ProblemView:
    try:
        return await handling
    except REFUSALS as error:
        return problem_of(error).view()
    except UNREACHABLE:
        busy = "The service cannot reach its database. Ask for this case again."
        return Problem("service_unavailable", busy).view()
