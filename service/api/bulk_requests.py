"""`/processes/search`: many cases in one request."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from service.actions.cases import request_case
from service.api.framework import parameters
from service.api.framework.body_faults import invalid_body
from service.api.framework.csv_bodies import csv_response, wants_json
from service.api.framework.csv_tables import Column
from service.api.framework.many_cases import NUMBERS_MAX, for_each_case, parsed_or_problem
from service.api.framework.operations import Call, Tag, operation, start_many
from service.api.framework.parameters import CaseNumber, WebhookUrl
from service.api.presenters.processes import ProcessSummary, overview_summary
from service.database.cases import processes
from service.database.cases.case_requests import CaseRequest
from service.database.cases.processes import Completeness
from service.domain.described.words import in_words
from service.domain.jobs import Lane
from service.domain.process_number import ProcessNumber
from service.http.problems import FieldError, ProblemView

_Numbers = Annotated[list[CaseNumber], Meta(description="CNJ case numbers.", min_length=1, max_length=NUMBERS_MAX)]


class SearchQuery(msgspec.Struct, frozen=True):
    """What to do with the cases. A JSON body has members for it, a table has not."""

    auto_download: (
        Annotated[bool, Meta(description="Start the download of what is not available yet; true if it is left out.")]
        | None
    ) = None
    webhook_url: WebhookUrl | None = None


class SearchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which cases, and what to do with them."""

    process_numbers: _Numbers
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


def _body_of_table(column: Column) -> SearchBody:
    if not 1 <= len(column.cells) <= NUMBERS_MAX:
        raise invalid_body(FieldError("process_numbers", f"It must be {in_words(_Numbers)}."))
    return SearchBody(list(column.cells))


@operation("search_search", Tag.CASES, problems=("invalid_webhook_url",), limited=True, csv=_body_of_table)
async def search(call: Call[SearchQuery, SearchBody]) -> SearchView | Response:
    """Request up to 1,000 cases and start their missing downloads.

    A case that is invalid, unknown or denied does not affect the others. If the portal does not list a case within some
    seconds, the case is accepted as pending and a worker lists it; without `auto_download` it gets a problem instead.
    The response has no documents: ask for the status of a case, or wait for its webhook. Each case that needs a
    download counts towards the key's limit for cases that searches start. Cases in work do not count, nor do complete
    ones, unless there is a `webhook_url` to call for them.

    A table is accepted too, as `text/csv`: the numbers are its first column, and a first row without a number is its
    header. The response is a table then, unless `Accept` prefers JSON. `auto_download` and `webhook_url` of the query
    come before those of a JSON body.
    """
    view = await _search(replace(call, body=_wanted(call)))
    if call.column is None or wants_json(call.request):
        return view
    return csv_response([COLUMNS, *map(_row, view.items)], call.column)


def _wanted(call: Call[SearchQuery, SearchBody]) -> SearchBody:
    query, body = call.query, call.body
    auto_download = body.auto_download if query.auto_download is None else query.auto_download
    webhook_url = body.webhook_url if query.webhook_url is None else query.webhook_url
    return msgspec.structs.replace(body, auto_download=auto_download, webhook_url=webhook_url)


async def _search(call: Call[SearchQuery, SearchBody]) -> SearchView:
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
    call: Call[SearchQuery, SearchBody], known: Mapping[ProcessNumber, Completeness], webhook_url: str | None
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


#: Of the table that is returned. New ones may join at the end.
COLUMNS = (
    "process_number",
    "status",
    "job_id",
    "total_documents",
    "court",
    "court_class",
    "subject",
    "code",
    "message",
)


def _row(result: SearchResult) -> list[object]:
    process, problem = result.process, result.problem
    shown = [None] * 6 if process is None else [getattr(process, name) for name in COLUMNS[1:7]]
    return [result.process_number, *shown, problem and problem.code, problem and problem.detail]
