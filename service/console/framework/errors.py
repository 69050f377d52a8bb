"""Errors as pages: what happened, what to do, the request id."""

from collections.abc import Awaitable, Callable

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.api.framework.refusals import REFUSALS, problem_of
from service.console.framework.refusal import Refusal
from service.console.framework.rendering import page_response
from service.console.framework.visits import CONSOLE, Visit
from service.console.languages.formats import Formats
from service.console.languages.messages import MESSAGES
from service.http.problems import Problem

ExceptionHandler = Callable[[Request, Exception], Awaitable[Response]]
_BUSY_SECONDS = "5"
_CODES = {404: "not_found", 405: "method_not_allowed"}
_DEFAULT_STATUS = 400  # of the texts for a status without texts of its own


class ErrorView(msgspec.Struct, frozen=True):
    """An error page."""

    status: int
    title: str
    advice: str
    request_id: str


def error_page(visit: Visit, problem: Problem) -> Response:
    """The page of a problem."""
    known = problem.status if f"problem.{problem.status}.title" in MESSAGES else _DEFAULT_STATUS
    seconds = int(problem.headers.get("Retry-After") or 0)
    wait = Formats(visit.language).duration(seconds)
    view = ErrorView(
        problem.status,
        visit.say(f"problem.{known}.title"),
        visit.say(_advice(problem, known), wait=wait),
        visit.state["request_id"],
    )
    return page_response(visit, "error.html", view, problem.status, problem.headers)


def _advice(problem: Problem, status: int) -> str:
    if isinstance(problem, Refusal):
        return problem.advice
    own = f"problem.{problem.code}"
    return own if own in MESSAGES else f"problem.{status}.do"


def problem_for(error: Exception) -> Problem:
    """The problem of an exception that a page may meet. Anything unknown is a server that cannot be reached."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, REFUSALS):
        return problem_of(error)
    return Problem("service_unavailable", "A server cannot be reached.", headers={"Retry-After": _BUSY_SECONDS})


def page_or(handler: ExceptionHandler, to_problem: Callable[[Exception], Problem]) -> ExceptionHandler:
    """A handler of exceptions that answers with a page below `/console`, and calls `handler` for everything else."""

    async def answer(request: Request, error: Exception) -> Response:
        path = request.scope["path"]
        if path != CONSOLE and not path.startswith(f"{CONSOLE}/"):
            return await handler(request, error)
        return error_page(Visit.of(request), to_problem(error))

    return answer


def routing_problem(error: Exception) -> Problem:
    """The problem for what the router refuses."""
    if not isinstance(error, HTTPException):
        raise TypeError("registered for another exception")
    code = _CODES.get(error.status_code, "http_error")
    return Problem(code, error.detail, status=error.status_code, headers=error.headers)


def crash_problem(_error: Exception) -> Problem:
    """The problem for everything else; the exception itself goes to the log."""
    return Problem("internal_error", "The service failed.")
