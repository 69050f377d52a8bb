"""Endpoints with which other processes of this machine script the portal and read its journal."""

import asyncio
import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from service.local.simulator.cases.build import CaseSpec, build_case
from service.local.simulator.cases.cases import Case, CaseDocument
from service.local.simulator.cases.content import text_of
from service.local.simulator.control_life import life_routes
from service.local.simulator.faults import EVERY_DOCUMENT, Fault
from service.local.simulator.state import HeldCase, SimulatedPortal


class _Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    faults: tuple[Fault, ...]


def control_application(portal: SimulatedPortal) -> Starlette:
    """To be mounted. Refuses clients of other machines; answers invalid requests with 400."""
    control = _Control(portal)
    return Starlette(
        routes=[*_routes(control), *life_routes(portal)],
        middleware=[Middleware(_LoopbackOnly)],
        exception_handlers={
            ValueError: _bad_request,
            msgspec.MsgspecError: _bad_request,
            HTTPException: _http_error,
        },
    )


def _routes(control: "_Control") -> list[Route]:
    return [
        Route("/health", control.health),
        Route("/requests", control.requests),
        Route("/requests", control.forget_requests, methods=["DELETE"]),
        Route("/reset", control.reset, methods=["POST"]),
        Route("/settings", control.configure, methods=["PUT"]),
        Route("/cases/{number}", control.expected),
        Route("/cases/{number}", control.put_case, methods=["PUT"]),
        Route("/cases/{number}", control.remove_case, methods=["DELETE"]),
        Route("/cases/{number}/listing-faults", control.fail_listing, methods=["PUT"]),
        Route("/cases/{number}/documents/{target}/faults", control.fail_document, methods=["PUT"]),
    ]


def _bad_request(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)


def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return JSONResponse({"error": str(error)}, status_code=status)


class _LoopbackOnly:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        allowed = client is not None and ipaddress.ip_address(client[0]).is_loopback
        refusal = JSONResponse({"error": "only for clients on this machine"}, status_code=403)
        await (self._app if allowed else refusal)(scope, receive, send)


class _Control:
    def __init__(self, portal: SimulatedPortal) -> None:
        self._portal = portal

    async def health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def requests(self, _request: Request) -> Response:
        return Response(msgspec.json.encode(_journal(self._portal)), media_type="application/json")

    async def forget_requests(self, _request: Request) -> Response:
        self._portal.journal.clear()
        return Response(status_code=204)

    async def reset(self, _request: Request) -> Response:
        self._portal.reset()
        return Response(status_code=204)

    async def configure(self, request: Request) -> Response:
        """Any fields of `PortalConfiguration`, and `all_requests`: faults for every request."""
        changes = msgspec.json.decode(await request.body(), type=dict[str, Any])
        faults = msgspec.convert(changes.pop("all_requests", None), tuple[Fault, ...] | None)
        self._portal.configure(changes)
        if faults is not None:
            self._portal.script.fail_everything(*faults)
        return Response(status_code=204)

    async def put_case(self, request: Request) -> Response:
        spec = msgspec.json.decode(await request.body(), type=CaseSpec)
        case = build_case(request.path_params["number"], spec)
        self._portal.put_case(case)
        return _json({"number": case.number, "documents": len(case.documents)}, status_code=201)

    async def remove_case(self, request: Request) -> Response:
        del self._portal.cases[self._held(request).case.number]
        return Response(status_code=204)

    async def expected(self, request: Request) -> Response:
        """What a complete download holds; `?sha256=false` saves reading every byte of a large case."""
        held = self._held(request)
        skip = request.query_params.get("sha256") == "false"
        digests: Mapping[str, str] = {} if skip else await asyncio.to_thread(lambda: held.digests)
        return _json(_expected(held.case, digests))

    async def fail_listing(self, request: Request) -> Response:
        body = msgspec.json.decode(await request.body(), type=_Faults)
        self._portal.script.fail_listing(request.path_params["number"], *body.faults)
        return Response(status_code=204)

    async def fail_document(self, request: Request) -> Response:
        body = msgspec.json.decode(await request.body(), type=_Faults)
        target, held = request.path_params["target"], self._held(request)
        if target not in _targets(held):
            raise HTTPException(404, f"the case has no document {target!r}")
        self._portal.script.fail_document(held.case.number, target, *body.faults)
        return Response(status_code=204)

    def _held(self, request: Request) -> HeldCase:
        held = self._portal.held(request.path_params["number"])
        if held is None:
            raise HTTPException(404, "the portal does not hold this case")
        return held


def _targets(held: HeldCase) -> set[str]:
    return {EVERY_DOCUMENT, *held.by_address, *(one.origin_id for one in held.case.documents)}


def _json(value: Any, status_code: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status_code, media_type="application/json")


def _journal(portal: SimulatedPortal) -> dict[str, Any]:
    journal = portal.journal
    return {
        "requests": [asdict(entry) for entry in journal.entries],
        "total": journal.total,
        "in_flight": journal.in_flight.now,
        "max_in_flight": journal.in_flight.most,
        "documents_in_flight": journal.documents_in_flight.now,
        "max_documents_in_flight": journal.documents_in_flight.most,
        "seconds_of_documents": journal.documents_in_flight.count(),
        "longest_documents_in_flight": {str(n): seconds for n, seconds in journal.documents_in_flight.longest.items()},
        "listings": journal.listings,
        "documents": [asdict(count) for count in journal.documents.values()],
    }


def _expected(case: Case, digests: Mapping[str, str]) -> dict[str, Any]:
    documents = [_expected_document(one, digests.get(one.identity)) for one in case.documents]
    return {"number": case.number, "documents": documents}


def _expected_document(document: CaseDocument, digest: str | None) -> dict[str, Any]:
    """`size` and `sha256` are the binary's, `text` those of the text."""
    text = text_of(document)
    return {
        "instance": document.instance,
        "idOrigem": document.origin_id,
        "name": document.name,
        "kind": document.kind,
        "media_type": document.kind.media_type,
        "uuids": document.uuids,
        "size": document.size,
        "sha256": digest,
        "has_binary": document.has_binary_href,
        "has_text": document.has_text_href,
        "text": {"size": len(text), "sha256": hashlib.sha256(text).hexdigest()},
    }
