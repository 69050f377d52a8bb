"""Each operation is declared once: the declaration authenticates requests, calls the handler, and is documented.

A handler takes a `Call[Query, Body]` and returns a value of the annotated type. In `/openapi.json` the first paragraph
of its docstring is the summary, and the rest is the description.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from limits import RateLimitItem
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from service.api.framework import parameters
from service.api.framework.authentication import PresentedKey, authenticate, presented_key
from service.api.framework.bodies import json_body, no_body
from service.api.framework.csv_bodies import csv_column, is_csv
from service.api.framework.csv_tables import Column
from service.api.framework.queries import NoQuery, read_query
from service.api.framework.refusals import REFUSALS, problem_of
from service.api.framework.state import ApiRequest, State
from service.database.users.users import User
from service.domain.process_number import ProcessNumber
from service.http.problems import Problem
from service.http.responses import json_response

Query = TypeVar("Query", bound=msgspec.Struct)
Body = TypeVar("Body")
Value = TypeVar("Value")


class Access(StrEnum):
    """Who may call an operation."""

    PUBLIC = "public"
    USER = "user"  #: every user with an API key
    ADMIN = "admin"


class Tag(StrEnum):
    """The chapters of `/openapi.json`, in their order."""

    CASES = "Cases"
    DOCUMENTS = "Documents"
    DOWNLOADS = "Downloads"
    JOBS = "Jobs"
    WEBHOOKS = "Webhooks"
    DELIVERIES = "Deliveries"
    MONITORS = "Monitors"
    USERS = "Users"
    OPERATIONS = "Operations"
    REFERENCE = "Reference"


class Reply(msgspec.Struct, frozen=True):
    """One way in which an operation succeeds."""

    status: int
    description: str
    media_type: str | None = "application/json"  #: None: a response without a body
    headers: tuple[str, ...] = ()  #: those that not all replies have
    example: Any = None  #: of JSON that has no type of its own


class Answer(msgspec.Struct, Generic[Value], frozen=True):
    """A value with a status other than the operation's first, or with headers of its own."""

    value: Value
    status: int = 200
    headers: Mapping[str, str] = {}


@dataclass(frozen=True)
class Call(Generic[Query, Body]):
    """An authenticated request with its query and body."""

    request: ApiRequest
    user: User
    key: PresentedKey
    number_in_path: ProcessNumber | None
    query: Query
    body: Body
    column: Column | None = None  #: the table that came as the body; None: JSON, or no body

    @property
    def state(self) -> State:
        """The dependencies."""
        return self.request.state

    @property
    def number(self) -> ProcessNumber:
        """The case in the path. Only for operations whose path has one."""
        if self.number_in_path is None:
            raise LookupError("the path of this operation has no case number")
        return self.number_in_path

    @property
    def owner(self) -> UUID | None:
        """The user whose jobs and deliveries the caller may see. None: those of all users."""
        return None if self.user.role == "admin" else self.user.id

    def identifier(self, name: str) -> UUID | None:
        """An id in the path. None: it is no UUID."""
        try:
            return UUID(self.request.path_params[name])
        except ValueError:
            return None


@dataclass(frozen=True)
class Operation:
    """A handler with its declaration."""

    name: str  #: its `operationId`: generated clients depend on it, so it stays even if the handler is renamed
    tag: Tag
    handler: Callable[[Any], Awaitable[object]]
    replies: tuple[Reply, ...]
    problems: tuple[str, ...]  #: codes, beyond those that every operation of its kind has
    access: Access
    limited: bool = False  #: may come in bursts, so it uses the database and Redis in download slots only
    query: type[msgspec.Struct] = NoQuery
    body: Any = None
    answer: Any = None
    csv: Callable[[Column], Any] | None = None  #: the body from a table; None: tables are refused

    async def __call__(self, request: ApiRequest) -> Response:
        """Handle one request. Raises `Problem`."""
        if self.access is Access.PUBLIC:
            return await self._response(request, await self.handler(request))
        rate: dict[str, str] = {}
        request.scope["state"]["rate_headers"] = rate
        try:
            response = await self._response(request, await self._handle(request))
        except Problem as problem:
            problem.headers |= rate
            raise
        response.headers.update(rate)
        return response

    async def _handle(self, request: ApiRequest) -> object:
        call = await self._let_in(request)
        try:
            return await self.handler(call)
        except REFUSALS as error:
            raise problem_of(error) from None

    async def _let_in(self, request: ApiRequest) -> Call[Any, Any]:
        given = request.path_params.get("number")
        number = None if given is None else parameters.parsed_number(given)
        key = presented_key(request)
        query = read_query(request, self.query)
        if self.limited:
            request.scope["state"] |= request.state["limited"]
        user = await self._identify(request, key)
        if self.csv is not None and is_csv(request):
            column = await csv_column(request)
            return Call(request, user, key, number, query, self.csv(column), column)
        body = await (no_body(request) if self.body is None else json_body(request, self.body))
        return Call(request, user, key, number, query, body)

    async def _identify(self, request: ApiRequest, key: PresentedKey) -> User:
        user = await authenticate(request, key)
        if self.access is Access.ADMIN and user.role != "admin":
            raise Problem("forbidden", "Only an administrator may do this.")
        await spend(request, request.state["rates"].requests, "requests", key.identity)
        return user

    async def _response(self, request: ApiRequest, result: object) -> Response:
        slices = request.state["slices"]
        if isinstance(result, Response):
            return result
        if isinstance(result, Answer):
            return await json_response(result.value, slices, result.status, result.headers)
        if result is None:
            return Response(status_code=self.replies[0].status)
        return await json_response(result, slices, self.replies[0].status)


async def spend(request: ApiRequest, item: RateLimitItem, *identifiers: str, cost: int = 1) -> None:
    """Count a request, and show in its response what is left. Raises the problem `rate_limited` (429)."""
    budget = await request.state["limiter"].take(item, *identifiers, cost=cost)
    request.state["rate_headers"].update(budget.headers)
    budget.check()


async def start_downloads(call: Call[Any, Any]) -> None:
    """Count a request that may start a download: these have a limit of their own. Raises `rate_limited` (429)."""
    await spend(call.request, call.state["rates"].downloads, "downloads", call.key.identity)


async def start_many(call: Call[Any, Any], count: int) -> None:
    """Count the cases that a search starts: these have a limit of their own. Raises `rate_limited` (429)."""
    if count:
        await spend(call.request, call.state["rates"].numbers, "numbers", call.key.identity, cost=count)


DONE = (Reply(200, "Done."),)


def operation(
    name: str,
    tag: Tag,
    *replies: Reply,
    problems: tuple[str, ...] = (),
    access: Access = Access.USER,
    limited: bool = False,
    csv: Callable[[Column], Any] | None = None,
) -> Callable[[Callable[[Call[Query, Body]], Awaitable[object]]], Operation]:
    """Declare an operation that needs an API key."""

    def declare(handler: Callable[[Call[Query, Body]], Awaitable[object]]) -> Operation:
        hints = get_type_hints(handler)
        query, body = get_args(hints["call"])
        return Operation(
            name,
            tag,
            handler,
            replies or DONE,
            problems,
            access,
            limited,
            query=query,
            body=None if body is type(None) else body,
            answer=_answered(hints["return"]),
            csv=csv,
        )

    return declare


def public(
    name: str, tag: Tag, *replies: Reply, problems: tuple[str, ...] = (), body: Any = None
) -> Callable[[Callable[[ApiRequest], Awaitable[object]]], Operation]:
    """Declare an operation that needs no key. Its handler takes the request as it is and reads the body itself."""

    def declare(handler: Callable[[ApiRequest], Awaitable[object]]) -> Operation:
        answer = _answered(get_type_hints(handler)["return"])
        return Operation(name, tag, handler, replies or DONE, problems, Access.PUBLIC, body=body, answer=answer)

    return declare


def _answered(hint: Any) -> Any:
    if get_origin(hint) in {Union, UnionType}:
        # `Response` in the union stands for replies without a body, such as 304.
        (hint,) = set(get_args(hint)) - {Response}
    if get_origin(hint) is Answer:
        return get_args(hint)[0]
    return None if hint in {type(None), Response} else hint


class OperationRoute(Route):
    """A path with its operations by method. One route for all of them, so that a 405 names every method."""

    def __init__(self, path: str, **operations: Operation) -> None:
        super().__init__(path, self._answer, methods=list(operations))
        self.operations: Mapping[str, Operation] = operations

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match every method of the path, and refuse unknown ones here: otherwise another route may match the path."""
        match, child = super().matches(scope)
        return (Match.NONE, child) if match is Match.NONE else (Match.FULL, child)

    async def _answer(self, request: ApiRequest) -> Response:
        # A HEAD is handled like a GET; the server leaves out the body.
        return await self.operations["GET" if request.method == "HEAD" else request.method](request)
