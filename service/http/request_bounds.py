"""Limits the size of path, query and headers. Bodies have their own limit; the server limits unfinished headers."""

from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.problems import Problem

MAX_TARGET = 16 * 1024  # bytes of the path and the query as they were sent
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024  # of all names and values


class RequestBoundsMiddleware:
    """Refuses a request whose path, query or headers are too long, before anything reads them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with the problem `uri_too_long` (414) or `headers_too_large` (431), or pass the request on."""
        problem = _problem(scope) if scope["type"] == "http" else None
        await (self._app if problem is None else problem.response())(scope, receive, send)


def _problem(scope: Scope) -> Problem | None:
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET:
        return Problem("uri_too_long", f"The path and the query may have {MAX_TARGET} bytes at most.")
    headers = scope["headers"]
    if len(headers) > MAX_HEADERS or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        detail = f"There may be {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes together at most."
        return Problem("headers_too_large", detail)
    return None
