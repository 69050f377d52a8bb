"""The simulated PDPJ portal as an ASGI application."""

import functools
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from service.local.simulator.answers import fault_answer, no_records, not_found, portal_page
from service.local.simulator.bodies import faulty_answer, right_answer
from service.local.simulator.cases.cases import Case, CaseDocument, masked
from service.local.simulator.cases.content import text_of
from service.local.simulator.cases.samples import sample_cases
from service.local.simulator.control import control_application
from service.local.simulator.faults import Fault, FaultKind, Rendition, Script
from service.local.simulator.listing import search_json
from service.local.simulator.listing_faults import faulty_listing, json_answer
from service.local.simulator.middleware import API, CONTROL, Gate, Journaling
from service.local.simulator.state import PortalConfiguration, SimulatedPortal
from service.local.simulator.wire import pause


def create_portal(
    token: str,
    cases: Sequence[Case] | None = None,
    *,
    configuration: PortalConfiguration | None = None,
    script: Script | None = None,
) -> Starlette:
    """A portal that accepts `token` and holds `cases` (the samples by default); `configuration` overrides `token`.

    Its `state.portal` is the `SimulatedPortal`. Serve it with `server.server_config` or `server.running_portal`:
    faults that cut a connection need their protocol.
    """
    portal = SimulatedPortal(
        configuration or PortalConfiguration(token=token),
        sample_cases() if cases is None else cases,
        script or Script(),
    )
    routes = [Mount(CONTROL, app=control_application(portal)), *_portal_routes(portal)]
    gates = [Middleware(Journaling, portal=portal), Middleware(Gate, portal=portal)]
    app = Starlette(routes=routes, middleware=gates)
    app.router.redirect_slashes = False
    app.state.portal = portal
    return app


def _portal_routes(portal: SimulatedPortal) -> list[BaseRoute]:
    endpoints = _Endpoints(portal)
    document = f"{API}/processos/{{number}}/documentos/{{uuid}}"
    return [
        Route(f"{API}/processos", endpoints.search),
        Route(f"{API}/processos/{{number}}", endpoints.listing),
        Route(f"{document}/binario", endpoints.binary),
        Route(f"{document}/texto", endpoints.text),
        Route(f"{API}/{{path:path}}", _unknown_route),
        Route("/{path:path}", _own_page),
    ]


async def _unknown_route(request: Request) -> Response:
    return not_found(request.url.path)


async def _own_page(_request: Request) -> Response:
    return portal_page()


class _Endpoints:
    """The four endpoints of the portal."""

    def __init__(self, portal: SimulatedPortal) -> None:
        self._portal = portal

    async def search(self, request: Request) -> Response:
        """A filter that the portal does not know is ignored: all cases come back."""
        wanted = request.query_params.get("numeroProcesso")
        cases = [held.case for held in self._portal.cases.values() if wanted is None or _same(held.case, wanted)]
        if not cases and self._portal.configuration.unknown_case == "not_indexed":
            return no_records()
        return json_answer(search_json(cases))

    async def listing(self, request: Request) -> Response:
        try:
            number = masked(request.path_params["number"])
        except ValueError:
            return not_found(request.url.path)
        self._portal.journal.listing_asked(number)
        await pause(request.receive, self._portal.configuration.latency_listing_ms / 1000)
        held, fault = self._portal.held(number), self._portal.script.take_listing(number)
        if fault:
            return await faulty_listing(fault, held.listing if held else b"[]", request)
        return json_answer(held.listing) if held else self._unknown_case(request)

    async def binary(self, request: Request) -> Response:
        return await self._document(request, "binario")

    async def text(self, request: Request) -> Response:
        return await self._document(request, "texto")

    async def _document(self, request: Request, rendition: Rendition) -> Response:
        address = request.path_params["uuid"]
        document = self._addressed(request.path_params["number"], address)
        if document is None:
            return not_found(request.url.path)
        self._portal.journal.document_asked(document, address)
        await pause(request.receive, self._portal.configuration.latency_binary_ms / 1000)
        fault = self._portal.script.take_document(document, address, rendition)
        if fault:
            return faulty_answer(fault, document, request)
        if rendition == "binario" and document.has_binary_href:
            return self._binary(document, request)
        if rendition == "texto" and document.has_text_href:
            return Response(text_of(document), media_type="text/plain")
        return not_found(request.url.path)

    def _binary(self, document: CaseDocument, request: Request) -> Response:
        completed = functools.partial(self._portal.journal.document_completed, document)
        return right_answer(
            self._portal.rendered(document), request, self._portal.configuration.bytes_per_second, completed
        )

    def _addressed(self, number: str, address: str) -> CaseDocument | None:
        try:
            held = self._portal.held(number)
        except ValueError:
            return None
        return held.by_address.get(address) if held else None

    def _unknown_case(self, request: Request) -> Response:
        if self._portal.configuration.unknown_case == "not_found":
            return not_found(request.url.path)
        if self._portal.configuration.unknown_case == "not_indexed":
            return fault_answer(Fault(kind=FaultKind.CODEX_500), request)
        return json_answer(b"[]")


def _same(case: Case, number: str) -> bool:
    try:
        return case.number == masked(number)
    except ValueError:
        return False
