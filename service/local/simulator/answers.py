"""Answers that need no document: the portal's own page, its errors, its silence."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from service.local.simulator.faults import Fault, FaultKind
from service.local.simulator.wire import disconnected

PORTAL_PAGE = """<!DOCTYPE html><html lang="pt-br"><head>
    <meta charset="utf-8">
    <title>Portal de Serviços do Poder Judiciário</title>
    <base href="/">
    <meta name="viewport" content="width=device-width, initial-scale=1">
</head>
<body class="mat-typography">
    <app-root ng-version="0.0.0"></app-root>
</body></html>
"""
_FORBIDDEN_PAGE = (
    "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_REJECTED_PAGE = (
    "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. Please consult with your "
    "administrator.<br><br>Your support ID is: {}<br><br><a href='javascript:history.back();'>[Go Back]</a>"
    "</body></html>"
)


class Silence(Response):
    """Never answers; ends when the client gives up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        await disconnected(receive)


def portal_page() -> Response:
    return HTMLResponse(PORTAL_PAGE)


def forbidden_page(status: int = 403) -> Response:
    return HTMLResponse(_FORBIDDEN_PAGE, status_code=status)


def unauthorized() -> Response:
    """No body and no content type, as the portal does for a token that it does not accept."""
    return Response(status_code=401)


def not_found(path: str) -> Response:
    return _error(404, "Not Found", "", path, int(time.time() * 1000))


def no_records() -> Response:
    """What the search says of a case that it does not have."""
    return JSONResponse({"code": 404, "message": "Não foram encontrados registros"}, status_code=404)


def fault_answer(fault: Fault, request: Request) -> Response:
    """The answer for a kind of `faults.ANYWHERE`. Raises KeyError for another kind."""
    path = request.url.path
    makers: dict[FaultKind, Callable[[], Response]] = {
        FaultKind.PORTAL_PAGE: portal_page,
        FaultKind.FIREWALL_403: lambda: forbidden_page(fault.status or 403),
        FaultKind.JSON_200: lambda: JSONResponse({"codigo": 500, "mensagem": "Falha ao obter o arquivo"}),
        FaultKind.EMPTY_BODY: lambda: Response(media_type=_expected_type(path)),
        FaultKind.CODEX_500: lambda: _codex_error(fault.status or 500, path),
        FaultKind.NOT_FOUND_404: lambda: not_found(path),
        FaultKind.GATEWAY_404: lambda: PlainTextResponse("default backend - 404", status_code=404),
        FaultKind.ACCEPTED_202: lambda: Response(status_code=202, headers=_retry_after(fault, 2)),
        FaultKind.TOO_MANY_429: lambda: Response(status_code=429, headers=_retry_after(fault, 3)),
        FaultKind.UNAVAILABLE_503: lambda: _unavailable(fault),
        FaultKind.EXPIRED_401: unauthorized,
        FaultKind.DENIED_403: lambda: JSONResponse({"message": fault.message}, status_code=fault.status or 403),
        FaultKind.REDIRECT_OTHER_HOST: lambda: _redirect(fault.location + path),
        FaultKind.HANG: Silence,
        FaultKind.REJECTED_PAGE: _rejected_page,
        FaultKind.OTHER_BODY: lambda: Response(fault.body, headers={"content-type": fault.media_type}),
    }
    return makers[fault.kind]()


def _rejected_page() -> Response:
    """A firewall's page, which has a new number each time."""
    return HTMLResponse(_REJECTED_PAGE.format(10**18 + secrets.randbelow(9 * 10**18)))


def _expected_type(path: str) -> str:
    return "application/pdf" if path.endswith("/binario") else "application/json"


def _redirect(location: str) -> Response:
    return Response(status_code=302, headers={"location": location})


def _error(status: int, error: str, message: str, path: str, timestamp: int | str) -> Response:
    body = {"timestamp": timestamp, "status": status, "error": error, "message": message, "path": path}
    return JSONResponse(body, status_code=status)


def _codex_error(status: int, path: str) -> Response:
    body = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "status": status,
        "error": "Internal Server Error",
        "message": "Erro interno na API do Codex.",
        "path": path,
        "externalUrlService": "https://data-lake.invalid/processo-api/api/v1",
    }
    return JSONResponse(body, status_code=status)


def _unavailable(fault: Fault) -> Response:
    page = "<html><body><h1>Service Temporarily Unavailable</h1></body></html>"
    headers = _retry_after(fault, None)
    return HTMLResponse(page, status_code=fault.status or 503, headers=headers)


def _retry_after(fault: Fault, default: int | None) -> dict[str, str]:
    value = default if fault.retry_after is None else fault.retry_after
    if value is None:
        return {}
    if fault.retry_after_as_date and isinstance(value, int):
        return {"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=value), usegmt=True)}
    return {"retry-after": str(value)}
