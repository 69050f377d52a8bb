"""Gives every request an id, which is in its response and in all of its log lines."""

import logging
import re
import time
from collections.abc import Mapping
from ipaddress import ip_address
from uuid import UUID, uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.domain.process_number import ProcessNumber
from service.http.request_metrics import count_request

HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestIdMiddleware:
    """Uses the client's id if it is well formed, else makes one. Writes one log line `request` for each request.

    It wraps the whole application: the response to a crash has an id too, and the log line has the traceback.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pure ASGI: a BaseHTTPMiddleware would run the endpoint in another task."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        started, status = time.perf_counter(), 0
        scope.setdefault("state", {}).update(request_id=request_id, arrived=started)
        crash: Exception | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            except Exception as error:  # noqa: BLE001  (process boundary: the server would log it without the id)
                crash = error
            finally:
                seconds = time.perf_counter() - started
                _log(scope, status, seconds, crash)
                count_request(scope, status, seconds)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(HEADER, "")
    return given if _WELL_FORMED.fullmatch(given) else uuid4().hex


def _log(scope: Scope, status: int, seconds: float, crash: Exception | None) -> None:
    structlog.get_logger().log(
        logging.INFO if crash is None else logging.ERROR,
        "request",
        method=scope["method"],
        # The path only: a query may hold a webhook URL, which may hold a secret.
        path=scope["path"][:200],
        status=status,
        **addresses(scope.get("client")),
        ms=round(seconds * 1000, 1),
        **_subjects(scope.get("path_params", {})),
        **({} if crash is None else {"exc_info": crash}),
    )


def addresses(client: tuple[str, int] | None) -> dict[str, str]:
    """The client's address for the log line; behind a trusted proxy, the one that the proxy names.

    Empty for a Unix socket.
    """
    if client is None:
        return {}
    try:
        address = ip_address(client[0])
    except ValueError:
        # A trusted proxy may name anything.
        return {"address": client[0][:64]}
    return {"address": str(getattr(address, "ipv4_mapped", None) or address)}


def _subjects(parameters: Mapping[str, str]) -> dict[str, str]:
    """The case number and the ids in the path, if they are well formed."""
    subjects: dict[str, str] = {}
    try:
        if "number" in parameters:
            subjects["process_number"] = ProcessNumber.parse(parameters["number"]).masked
        for name in ("job_id", "document_id", "delivery_id"):
            if name in parameters:
                subjects[name] = str(UUID(parameters[name]))
    except ValueError:
        return subjects
    return subjects
