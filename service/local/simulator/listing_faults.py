"""The wrong answers about a case."""

import hashlib
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from service.local.simulator.answers import fault_answer
from service.local.simulator.bodies import WireResponse, compressed
from service.local.simulator.cases.build import make_case
from service.local.simulator.cases.cases import synthetic_number
from service.local.simulator.faults import ANYWHERE, Fault, FaultKind
from service.local.simulator.listing import case_object
from service.local.simulator.listing_facts import Json
from service.local.simulator.wire import pause

_FOREIGN_CASE = synthetic_number(9_876_543, year=1998, segment=4, court=1)


def json_answer(body: bytes) -> Response:
    return Response(body, media_type="application/json")


async def faulty_listing(fault: Fault, listing: bytes, request: Request) -> Response:
    """The answer for a kind of `faults.IN_LISTINGS`; `listing` is the right one."""
    if fault.kind in ANYWHERE:
        return fault_answer(fault, request)
    if fault.kind is FaultKind.SLOW:
        await pause(request.receive, fault.seconds)
        return json_answer(listing)
    if fault.kind is FaultKind.TRUNCATED:
        return _truncated(fault, listing)
    if fault.kind is FaultKind.UNASKED_GZIP:
        headers = {"content-type": "application/json", "content-encoding": fault.coding}
        return Response(b"".join(compressed(fault, [listing])), headers=headers)
    return json_answer(_bodies()[fault.kind](fault, listing))


def _bodies() -> dict[FaultKind, Callable[[Fault, bytes], bytes]]:
    return {
        FaultKind.MALFORMED_JSON: lambda _fault, listing: listing[: len(listing) // 2],
        FaultKind.EMPTY_LIST: lambda _fault, _listing: b"[]",
        FaultKind.CONTENT_WRAPPER: lambda _fault, listing: b'{"content":%b}' % _listed(listing),
        FaultKind.TWO_OBJECTS: _with_foreign_case,
        FaultKind.HREF_OTHER_HOST: _moved,
        FaultKind.NO_MOVEMENTS: lambda _fault, listing: _each_list(listing, lambda one: one.pop("movimentos", None)),
        FaultKind.FEWER_MOVEMENTS: lambda fault, listing: _each_list(listing, lambda one: _shorten(fault, one)),
        FaultKind.SHUFFLED: lambda _fault, listing: _each_list(listing, _shuffle),
    }


def _truncated(fault: Fault, listing: bytes) -> Response:
    sent = listing[: len(listing) // 2 if fault.after_bytes is None else fault.after_bytes]
    headers = {"Content-Type": "application/json", "Content-Length": str(len(listing))}
    return WireResponse(headers, (sent,))


def _listed(listing: bytes) -> bytes:
    return listing if listing.startswith(b"[") else b"[%b]" % listing


def _with_foreign_case(_fault: Fault, listing: bytes) -> bytes:
    """The right object, then one of another case with a document of its own."""
    foreign = msgspec.json.encode(case_object(make_case(_FOREIGN_CASE, 1)))
    return b"%b,%b]" % (_listed(listing)[:-1], foreign)


def _moved(fault: Fault, listing: bytes) -> bytes:
    return listing.replace(b'"/processos/', b'"%b/api/v2/processos/' % fault.location.encode())


def _each_list(listing: bytes, change: Callable[[Json], object]) -> bytes:
    """The listing with each `tramitacao` changed in place."""
    answer = msgspec.json.decode(listing)
    for case in answer if isinstance(answer, list) else [answer]:
        for one in (case["tramitacaoAtual"], *case.get("tramitacoes", ())):
            change(one)
    return msgspec.json.encode(answer)


def _shorten(fault: Fault, one: Json) -> None:
    movements = sorted(one.get("movimentos") or (), key=lambda each: each.get("dataHora") or "")
    kept = len(movements) // 2 if fault.size is None else fault.size
    one["movimentos"] = movements[:kept]


def _shuffle(one: Json) -> None:
    """Another order of everything that is a list; the same for the same contents."""
    for name in ("documentos", "movimentos", "partes", "distribuicao", "processosRelacionados"):
        if isinstance(one.get(name), list):
            one[name].sort(key=lambda each: hashlib.sha256(msgspec.json.encode(each)).digest())
