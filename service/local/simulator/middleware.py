"""What every request to the portal passes first: the journal, the firewall, the check of the token."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.local.simulator.answers import fault_answer, forbidden_page, unauthorized
from service.local.simulator.journal import FLIGHT, Flight
from service.local.simulator.state import SimulatedPortal

API = "/api/v2"
CONTROL = "/_control"


class Journaling:
    """Records each request to the portal, and how many run at a time; not those to the control endpoints."""

    def __init__(self, app: ASGIApp, portal: SimulatedPortal) -> None:
        self._app = app
        self._journal = portal.journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _is_internal(scope):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        flight = self._journal.open(
            scope["method"], scope["path"], "authorization" in headers, headers.get("user-agent", "")
        )
        scope[FLIGHT] = flight
        try:
            await self._app(scope, receive, _LandingSend(flight, send))
        finally:
            flight.land()


class _LandingSend:
    """Passes messages on, and ends the flight before the message that completes the answer."""

    def __init__(self, flight: Flight, send: Send) -> None:
        self._flight = flight
        self._send = send
        self._left: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started(message)
        elif message["type"] == "http.response.body":
            self._sent(message)
        await self._send(message)

    def _started(self, message: Message) -> None:
        self._flight.answered(message["status"])
        length = Headers(raw=list(message["headers"])).get("content-length")
        self._left = None if length is None else int(length)

    def _sent(self, message: Message) -> None:
        if self._left is not None:
            self._left -= len(message["body"])
        if self._left == 0 or not message.get("more_body", False):
            self._flight.land()


class Gate:
    """The firewall, then the fault for everything, then the token: each may answer in the portal's place."""

    def __init__(self, app: ASGIApp, portal: SimulatedPortal) -> None:
        self._app = app
        self._portal = portal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None if _is_internal(scope) else self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        agent = request.headers.get("user-agent", "").strip()
        if not agent or (self._portal.configuration.browser_only and "Mozilla/" not in agent):
            return forbidden_page()
        fault = self._portal.script.take_everything()
        if fault:
            return fault_answer(fault, request)
        if not request.url.path.startswith(API):
            return None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return None if scheme == "Bearer" and self._portal.accepts(token) else unauthorized()


def _is_internal(scope: Scope) -> bool:
    return scope["type"] != "http" or str(scope["path"]).startswith(CONTROL)
