"""Listings in unusual forms, through the whole service."""

from typing import Any

import msgspec
import pytest

from service.local.simulator import FOR_EVER, CaseSpec, DocumentSpec, Fault, FaultKind, build_case
from service.local.simulator.listing import case_object
from tests.support.http.api import Api
from tests.support.portal import Portal

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

SPEC = CaseSpec(documents=(DocumentSpec(name="Petição inicial.pdf"), DocumentSpec(name="Sentença.pdf")))


async def completed(api: Api, portal: Portal, number: str, body: bytes, media_type: str) -> list[str]:
    """Download the case of this listing, and return the names of its documents."""
    await portal.put_case(number, SPEC)
    fault = Fault(kind=FaultKind.OTHER_BODY, times=FOR_EVER, body=body, media_type=media_type)
    await portal.fail_listing(number, fault)
    await api.process(number)
    status = await api.ended(number)
    assert (status["status"], status["total_documents"], status["completed_documents"]) == ("completed", 2, 2)
    return [document["name"] for document in status["documents"]]


def listing(number: str) -> dict[str, Any]:
    return case_object(build_case(number, SPEC))


async def test_documents_beside_the_stage_are_downloaded(api: Api, portal: Portal, number: str) -> None:
    answer = listing(number)
    answer["dadosBasicos"] = {"documentos": answer["tramitacaoAtual"].pop("documentos")}

    names = await completed(api, portal, number, msgspec.json.encode([answer]), "application/json")

    assert names == ["Petição inicial.pdf", "Sentença.pdf"]


@pytest.mark.parametrize("charset", ["ISO-8859-1", "UTF-16"])
async def test_a_listing_is_read_in_the_encoding_of_its_header(
    api: Api, portal: Portal, number: str, charset: str
) -> None:
    body = msgspec.json.encode([listing(number)]).decode().encode(charset)

    names = await completed(api, portal, number, body, f"application/json;charset={charset}")

    assert names == ["Petição inicial.pdf", "Sentença.pdf"]


async def test_a_broken_character_costs_no_case(api: Api, portal: Portal, number: str) -> None:
    body = b"\xef\xbb\xbf" + msgspec.json.encode([listing(number)]).replace(b"inicial", b"ini\t\\ud800")

    names = await completed(api, portal, number, body, "application/json")

    assert names == ["Petição ini .pdf", "Sentença.pdf"]


async def test_a_case_is_not_complete_while_its_listing_is_in_an_unknown_form(
    api: Api, portal: Portal, number: str
) -> None:
    await portal.put_case(number, SPEC)
    answer = listing(number)
    names = [{"id": each["idOrigem"], "titulo": each["nome"]} for each in answer["tramitacaoAtual"].pop("documentos")]
    body = msgspec.json.encode([answer | {"pecasProcessuais": names}])
    await portal.fail_listing(
        number, Fault(kind=FaultKind.OTHER_BODY, times=2, body=body, media_type="application/json")
    )

    await api.process(number)
    status = await api.ended(number)

    assert (status["status"], status["total_documents"], status["completed_documents"]) == ("completed", 2, 2)
