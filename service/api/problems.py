"""Errors as clients see them: `application/problem+json` (RFC 9457) with a stable `code`."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one parameter or member of the body."""

    field: str
    message: str


class Problem(Exception):
    """A request that is refused. Everything in it is shown to the client."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: tuple[FieldError, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = errors

    def response(self) -> Response:
        """The answer to send."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            body["errors"] = self.errors
        headers = {"Cache-Control": "no-store"} | self.headers
        return Response(msgspec.json.encode(body), self.status, headers, MEDIA_TYPE)


def invalid_parameter(field: str, message: str) -> Problem:
    """A query parameter that cannot be read."""
    return Problem(
        400, "invalid_parameter", f"The parameter {field} is malformed.", errors=(FieldError(field, message),)
    )


_HTTP_CODES: Mapping[int, str] = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


async def on_problem(_request: Request, error: Exception) -> Response:
    """Starlette's handler for `Problem`."""
    if not isinstance(error, Problem):
        raise TypeError("registered for another exception")
    return error.response()


async def on_http_exception(_request: Request, error: Exception) -> Response:
    """Starlette's handler for what its router raises."""
    if not isinstance(error, HTTPException):
        raise TypeError("registered for another exception")
    code = _HTTP_CODES.get(error.status_code, "http_error")
    return Problem(error.status_code, code, error.detail, headers=error.headers).response()


async def on_busy(_request: Request, _error: Exception) -> Response:
    """Starlette's handler for a database that cannot be reached, or has no free connection in time."""
    detail = "The service cannot reach its database. Nothing was lost: ask again."
    return Problem(503, "service_unavailable", detail, headers={"Retry-After": "5"}).response()


async def on_crash(_request: Request, _error: Exception) -> Response:
    """Starlette's handler for everything else; the exception itself goes to the log."""
    return Problem(500, "internal_error", "The service failed. The request id finds the reason in its log.").response()
