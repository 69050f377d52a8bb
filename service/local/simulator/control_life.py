"""Control endpoints of a case that lives: they file documents and movements, and replace or remove them."""

from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.local.simulator.cases.cases import Case, CaseDocument
from service.local.simulator.cases.content import sha256_of
from service.local.simulator.cases.facts import MovementSpec
from service.local.simulator.cases.living import (
    DocumentChange,
    FiledDocument,
    FiledMovement,
    change_document,
    file_document,
    file_movement,
    remove_document,
)
from service.local.simulator.state import SimulatedPortal

_T = TypeVar("_T")
_MAX_HASHED = 4 * 1024 * 1024  # bytes; hashing more would hold up the portal's event loop


class CaseChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes in a case as a whole."""

    secrecy_level: int


def life_routes(portal: SimulatedPortal) -> list[Route]:
    """What is filed stays until a reset. A case or a document that is not there: 404."""
    life = _Life(portal)
    return [
        Route("/cases/{number}", life.change_case, methods=["PATCH"]),
        Route("/cases/{number}/documents", life.file_document, methods=["POST"]),
        Route("/cases/{number}/documents/{target}", life.change_document, methods=["PATCH"]),
        Route("/cases/{number}/documents/{target}", life.remove_document, methods=["DELETE"]),
        Route("/cases/{number}/movements", life.file_movement, methods=["POST"]),
    ]


class _Life:
    def __init__(self, portal: SimulatedPortal) -> None:
        self._portal = portal

    async def change_case(self, request: Request) -> Response:
        change = await _read(request, CaseChange)
        self._portal.put_case(replace(self._case(request), secrecy_level=change.secrecy_level))
        return Response(status_code=204)

    async def file_document(self, request: Request) -> Response:
        """201 with the document, and its SHA-256 if it is small."""
        filed = await _read(request, FiledDocument)
        case, document = file_document(self._case(request), filed)
        self._portal.put_case(case)
        return _created(_shown_document(document))

    async def file_movement(self, request: Request) -> Response:
        """201 with the movement."""
        filed = await _read(request, FiledMovement)
        case, movement = file_movement(self._case(request), filed)
        self._portal.put_case(case)
        return _created(_shown_movement(case, movement))

    async def change_document(self, request: Request) -> Response:
        change = await _read(request, DocumentChange)
        try:
            case, document = change_document(self._case(request), request.path_params["target"], change)
        except KeyError as error:
            raise _no_document(error) from None
        self._portal.put_case(case)
        return _json(_shown_document(document))

    async def remove_document(self, request: Request) -> Response:
        try:
            self._portal.put_case(remove_document(self._case(request), request.path_params["target"]))
        except KeyError as error:
            raise _no_document(error) from None
        return Response(status_code=204)

    def _case(self, request: Request) -> Case:
        held = self._portal.held(request.path_params["number"])
        if held is None:
            raise HTTPException(404, "the portal does not hold this case")
        return held.case


async def _read(request: Request, kind: type[_T]) -> _T:
    """The body, or what an empty one stands for: all defaults."""
    return msgspec.json.decode(await request.body() or b"{}", type=kind)


def _no_document(error: KeyError) -> HTTPException:
    return HTTPException(404, f"the case has no document {error.args[0]!r}")


def _shown_document(document: CaseDocument) -> dict[str, Any]:
    return {
        "number": document.case_number,
        "instance": document.instance,
        "idOrigem": document.origin_id,
        "sequence": document.sequence,
        "filed_at": document.filed_at,
        "name": document.name,
        "type": document.type_name,
        "kind": document.kind,
        "uuids": document.uuids,
        "size": document.size,
        "sha256": sha256_of(document) if document.size <= _MAX_HASHED else None,
    }


def _shown_movement(case: Case, movement: MovementSpec) -> dict[str, Any]:
    return {
        "number": case.number,
        "instance": movement.instance,
        "occurred_at": movement.occurred_at,
        "description": movement.description,
        "type_code": movement.type_code,
    }


def _created(body: dict[str, Any]) -> Response:
    return _json(body, status_code=201)


def _json(body: dict[str, Any], *, status_code: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status_code=status_code, media_type="application/json")
