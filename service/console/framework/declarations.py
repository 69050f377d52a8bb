"""Each page and each action is declared once: the declaration finds the session, checks the form, calls the handler."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from service.api.framework.operations import Access
from service.api.framework.refusals import REFUSALS
from service.api.framework.state import ApiRequest
from service.console.framework.errors import error_page, problem_for
from service.console.framework.forms import read_form
from service.console.framework.local_paths import local_path
from service.console.framework.origins import check_origin
from service.console.framework.refusal import Refusal
from service.console.framework.rendering import page_response
from service.console.framework.sessions import signed_in
from service.console.framework.visits import Visit
from service.database.connection import UNREACHABLE
from service.http.problems import Problem
from service.storage.store_errors import StorageError

Handler = Callable[[Visit], Awaitable[object]]
_FAILURES: tuple[type[Exception], ...] = (Problem, *REFUSALS, *UNREACHABLE, StorageError)


class Go(msgspec.Struct, frozen=True):
    """Where an action leads. `done` is the name of a text `done.<name>` that the next page shows."""

    path: str
    done: str | None = None


class Shown(msgspec.Struct, frozen=True):
    """A page with a status or a template other than those of its declaration."""

    view: object
    template: str
    status: int = 200


@dataclass(frozen=True)
class Declared:
    """A handler with its declaration."""

    handler: Handler
    access: Access
    template: str | None = None  #: of a page; None for an action
    is_safe: bool = True  #: whether it is allowed while the console is read-only

    async def __call__(self, visit: Visit) -> Response:
        """Answer one visit. Raises `_FAILURES`."""
        if visit.request.method == "POST":
            check_origin(visit.request)
        visit.viewer = await signed_in(visit)
        if self.access is not Access.PUBLIC:
            if visit.viewer is None:
                return _to_log_in(visit)
            await self._let_in(visit)
        if not self.is_safe and visit.is_read_only:
            raise Refusal("forbidden", "The console is read-only.", advice="problem.403.read_only")
        if visit.request.method == "POST":
            visit.form = await read_form(visit.request)
        return self._response(visit, await self.handler(visit))

    async def _let_in(self, visit: Visit) -> None:
        if self.access is Access.ADMIN and not visit.is_admin:
            raise Problem("forbidden", "Only an administrator may do this.")
        # By the key, like the API, but apart from it: a page that refreshes itself takes nothing from programs.
        limit = visit.state["rates"].requests
        (await visit.state["limiter"].take(limit, "console", str(visit.user.key_id))).check()

    def _response(self, visit: Visit, result: object) -> Response:
        if isinstance(result, Response):
            visit.cookies.write(result)
            return result
        if isinstance(result, Go):
            return _redirect(visit, visit.href(result.path, done=result.done))
        if isinstance(result, Shown):
            return page_response(visit, result.template, result.view, result.status)
        if self.template is None:
            raise TypeError("an action returns `Go`, `Shown` or a response")
        return page_response(visit, self.template, result)


def page(template: str, *, access: Access = Access.USER) -> Callable[[Handler], Declared]:
    """Declare a page. Its handler returns the view."""
    return lambda handler: Declared(handler, access, template)


def post(*, access: Access = Access.USER, is_safe: bool = False) -> Callable[[Handler], Declared]:
    """Declare an action. Its handler returns `Go`; `Shown` if the form has to be corrected."""
    return lambda handler: Declared(handler, access, is_safe=is_safe)


def _to_log_in(visit: Visit) -> Response:
    wanted = visit.path if visit.request.method == "GET" else ""
    return _redirect(visit, visit.href("/console/login", next=local_path(wanted)))


def _redirect(visit: Visit, url: str) -> Response:
    response = RedirectResponse(url, 303, {"Referrer-Policy": "same-origin"})
    visit.cookies.write(response)
    return response


class ConsoleRoute(Route):
    """A path with its page and its action."""

    def __init__(self, path: str, **declared: Declared) -> None:
        super().__init__(path, self._answer, methods=list(declared))
        self.declared = declared

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match every method of the path: the error then names those that there are."""
        match, child = super().matches(scope)
        return (Match.NONE, child) if match is Match.NONE else (Match.FULL, child)

    async def _answer(self, request: ApiRequest) -> Response:
        visit = Visit(request)
        try:
            return await self.declared["GET" if request.method == "HEAD" else request.method](visit)
        except _FAILURES as error:
            return error_page(visit, problem_for(error))
