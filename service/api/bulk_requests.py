"""`/processes/search`: many cases in one request."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from service.actions.cases import request_case
from service.api.framework import parameters
from service.api.framework.many_cases import NUMBERS_MAX, for_each_case, parsed_or_problem
from service.api.framework.operations import Call, Tag, operation, start_many
from service.api.framework.parameters import CaseNumber, WebhookUrl
from service.api.framework.queries import NoQuery
from service.api.presenters.processes import ProcessSummary, overview_summary
from service.database.cases import processes
from service.database.cases.case_requests import CaseRequest
from service.database.cases.processes import Completeness
from service.domain.jobs import Lane
from service.domain.process_number import ProcessNumber
from service.http.problems import ProblemView


class SearchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which cases, and what to do with them."""

    process_numbers: Annotated[
        list[CaseNumber], Meta(description="CNJ case numbers.", min_length=1, max_length=NUMBERS_MAX)
    ]
    auto_download: Annotated[bool, Meta(description="Start the download of what is not available yet.")] = True
    webhook_url: WebhookUrl | None = None


class SearchResult(msgspec.Struct, frozen=True):
    """The result for one number: a case or a problem."""

    process_number: Annotated[str, Meta(description="Masked if it is valid, else as it was given.")]
    process: Annotated[ProcessSummary | None, Meta(description="The case; null if there is a problem.")]
    problem: Annotated[ProblemView | None, Meta(description="The problem; null if there is a case.")]


class SearchView(msgspec.Struct, frozen=True):
    """One result for each number, in the order of the request."""

    items: Annotated[list[SearchResult], Meta(description="One for each number, in the order of the request.")]


@operation("search_search", Tag.CASES, problems=("invalid_webhook_url",), limited=True)
async def search(call: Call[NoQuery, SearchBody]) -> SearchView:
    """Request up to 1,000 cases and start their missing downloads.

    A case that is invalid, unknown or denied does not affect the others. If the portal does not list a case within some
    seconds, the case is accepted as pending and a worker lists it; without `auto_download` it gets a problem instead.
    The response has no documents: ask for the status of a case, or wait for its webhook. Each case that needs a
    download counts towards the key's limit for cases that searches start. Cases in work do not count, nor do complete
    ones, unless there is a `webhook_url` to call for them.
    """
    body = call.body
    webhook_url = None
    if body.webhook_url is not None:
        webhook_url = await parameters.checked_webhook_url(call.request, body.webhook_url)
    numbers = {given: parsed_or_problem(given) for given in body.process_numbers}
    valid = {number for number in numbers.values() if isinstance(number, ProcessNumber)}
    async with call.state["database"].connection() as connection:
        known = await processes.completeness_of(connection, valid)
    if body.auto_download:
        # A case in work starts nothing, nor does a complete one, unless a webhook has to be called for it.
        has_webhook = body.webhook_url is not None
        starting = [each for each in known.values() if not each.is_active and (has_webhook or not each.is_complete)]
        await start_many(call, len(starting))
    outcomes = await _request_all(call, known, webhook_url)
    return SearchView([_result(given, numbers[given], outcomes) for given in body.process_numbers])


async def _request_all(
    call: Call[NoQuery, SearchBody], known: Mapping[ProcessNumber, Completeness], webhook_url: str | None
) -> Mapping[ProcessNumber, ProcessSummary | ProblemView]:
    async def request_one(number: ProcessNumber, timeout: float) -> ProcessSummary:
        request = CaseRequest(
            number, call.user.id, call.state["request_id"], webhook_url, force_refresh=False, lane=Lane.BATCH
        )
        case = await request_case(
            call.state,
            request,
            is_listed=known[number].is_listed,
            auto_download=call.body.auto_download,
            with_documents=False,
            timeout=timeout,
        )
        return overview_summary(number, case.overview)

    return await for_each_case(known, request_one)


def _result(
    given: str,
    number: ProcessNumber | ProblemView,
    outcomes: Mapping[ProcessNumber, ProcessSummary | ProblemView],
) -> SearchResult:
    if isinstance(number, ProblemView):
        return SearchResult(given, None, number)
    outcome = outcomes[number]
    if isinstance(outcome, ProblemView):
        return SearchResult(number.masked, None, outcome)
    return SearchResult(number.masked, outcome, None)
