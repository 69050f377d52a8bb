"""Errors as clients see them: `application/problem+json` (RFC 9457) with a stable `code`."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

PROBLEM_MEDIA_TYPE = "application/problem+json"


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one parameter or member of the body."""

    field: Annotated[str, Meta(description="The name of the parameter, or the path to the member.")]
    message: Annotated[str, Meta(description="What it has to be.")]


#: Every code that a client can get, with its status and what it means. Codes never change; new ones may be added.
CATALOGUE: Mapping[str, tuple[int, str]] = {
    "invalid_process_number": (400, "The case number has the wrong shape or wrong check digits."),
    "invalid_parameter": (400, "A query parameter is malformed; `errors` says which and why."),
    "unknown_parameter": (400, "There is no such parameter or member of the body; `errors` says which is meant."),
    "invalid_json": (400, "The body is not JSON in UTF-8."),
    "invalid_body": (400, "A member of the body is missing or malformed; `errors` says which and why."),
    "invalid_webhook_url": (400, "The webhook URL breaks a rule; `errors` says which."),
    "unauthorized": (401, "The API key is missing, unknown or revoked."),
    "forbidden": (403, "The key is valid, but the role of its user does not allow this."),
    "process_access_denied": (403, "The portal denies this case to the service."),
    "not_found": (404, "There is nothing at this path."),
    "process_not_found": (404, "The portal does not know this case, or it was never requested."),
    "listing_not_kept": (404, "The portal's own answer about this case is not kept yet: refresh the case."),
    "document_not_found": (404, "The case has no such document."),
    "job_not_found": (404, "There is no such job that the caller may see."),
    "monitor_not_found": (404, "The caller does not watch this case."),
    "delivery_not_found": (404, "There is no such delivery that the caller may see."),
    "endpoint_not_found": (404, "There is no such endpoint that the caller may see."),
    "user_not_found": (404, "There is no such user that the caller may see."),
    "key_not_found": (404, "The user has no such key."),
    "method_not_allowed": (405, "The path has no such method; `Allow` names those that it has."),
    "request_timeout": (408, "The headers or the body did not come in time."),
    "document_not_available": (409, "The document has no verified file yet; its status says why."),
    "nothing_available": (409, "No document of the case is available yet."),
    "job_ended": (409, "The job has ended already."),
    "delivery_not_due": (409, "The job has not ended, so that there is nothing to send yet."),
    "delivery_ended": (409, "The delivery was delivered or given up already."),
    "endpoint_exists": (409, "The user has an endpoint with this URL already."),
    "endpoint_disabled": (409, "The endpoint of the delivery is switched off or was deleted."),
    "too_many_endpoints": (409, "The user has as many endpoints as one may have; delete one first."),
    "user_exists": (409, "Another user has this name."),
    "last_admin": (409, "The last administrator has to stay, with a key."),
    "too_many_keys": (409, "The user has as many keys as one may have; revoke one first."),
    "too_many_monitors": (409, "The user has as many monitors as one may have; end one first."),
    "body_too_large": (413, "The body is larger than the service reads."),
    "uri_too_long": (414, "The path and the query are longer than the service reads."),
    "unsupported_media_type": (415, "The body is not sent as JSON."),
    "rate_limited": (429, "Too many requests of this key, or from this address; `Retry-After` says when to go on."),
    "headers_too_large": (431, "The headers are more or longer than the service reads."),
    "http_error": (400, "The request is not valid HTTP."),
    "internal_error": (500, "The service failed; the request id finds the reason in its log."),
    "portal_unavailable": (503, "The portal does not answer, and the request does not ask to be kept."),
    "service_unavailable": (503, "The service cannot reach its database for the moment; nothing was lost."),
}


class ProblemView(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as defined by RFC 9457. `code` is stable, the sentences are for people."""

    type: Annotated[str, Meta(description="Always `about:blank`: `code` says which problem it is.")]
    title: Annotated[str, Meta(description="The phrase of the status.")]
    status: Annotated[int, Meta(description="The status of the response.")]
    detail: Annotated[str, Meta(description="What happened, for people.")]
    code: Annotated[str, Meta(description="A stable word, for programs.")]
    errors: Annotated[tuple[FieldError, ...], Meta(description="What is wrong with which parameter or member.")] = ()


class Problem(Exception):
    """A request that is refused. Everything in it is shown to the client."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        errors: tuple[FieldError, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status or CATALOGUE[code][0]
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = errors

    def view(self) -> ProblemView:
        """The body of the response."""
        title = HTTPStatus(self.status).phrase
        return ProblemView("about:blank", title, self.status, self.detail, self.code, self.errors)

    def response(self) -> Response:
        """The response to send."""
        headers = {"Cache-Control": "no-store"} | self.headers
        return Response(msgspec.json.encode(self.view()), self.status, headers, PROBLEM_MEDIA_TYPE)


_HTTP_CODES: Mapping[int, str] = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


async def on_problem(_request: Request, error: Exception) -> Response:
    """Starlette's handler for `Problem`."""
    if not isinstance(error, Problem):
        raise TypeError("registered for another exception")
    return error.response()


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's handler for what its router raises."""
    if not isinstance(error, HTTPException):
        raise TypeError("registered for another exception")
    code = _HTTP_CODES.get(error.status_code, "http_error")
    detail = _detail(request, error)
    return Problem(code, detail, status=error.status_code, headers=error.headers).response()


def _detail(request: Request, error: HTTPException) -> str:
    """What to do instead. Never repeats the path."""
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and error.headers:
        return f"This path has no such method. It has {error.headers['Allow']}."
    if error.status_code != HTTPStatus.NOT_FOUND:
        return error.detail
    if _is_path({**request.scope, "path": request.scope["path"].rstrip("/")}, request.app.routes):
        return "There is nothing at this path. Leave out the slash at its end."
    return "There is nothing at this path. `GET /openapi.json` names every path, `/docs` shows them to people."


def _is_path(scope: Scope, routes: Iterable[BaseRoute]) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in routes if not isinstance(route, Mount))


async def on_busy(_request: Request, _error: Exception) -> Response:
    """Starlette's handler for a database that cannot be reached, or has no free connection in time."""
    detail = "The service cannot reach its database. Nothing was lost: ask again."
    return Problem("service_unavailable", detail, headers={"Retry-After": "5"}).response()


async def on_no_links(_request: Request, _error: Exception) -> Response:
    """Starlette's handler for links that cannot be signed, because the credentials of a role cannot be renewed."""
    detail = "The service cannot sign links to its documents now. Nothing was lost: ask again."
    return Problem("service_unavailable", detail, headers={"Retry-After": "5"}).response()


async def on_crash(_request: Request, _error: Exception) -> Response:
    """Starlette's handler for everything else; the exception itself goes to the log."""
    return Problem("internal_error", "The service failed. The request id finds the reason in its log.").response()
