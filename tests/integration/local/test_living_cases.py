"""A case of the simulated portal that lives: other processes file, replace and remove, and the listing shows it."""

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from service.local.simulator import (
    CaseSpec,
    DocumentSpec,
    Fault,
    FaultKind,
    PortalControl,
    create_portal,
    running_portal,
)
from service.local.simulator.cases.samples import FEDERAL, LABOUR

NUMBER = "7654321-71.2021.8.19.0001"
AUTHORIZED = {"Authorization": "Bearer invented-token"}
CASE = CaseSpec(documents=(DocumentSpec(size=2_000, count=2),), listed_twice=True)


class Portal(PortalControl):
    """The control endpoints, and what the service asks."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        super().__init__(session, origin)
        self._client = session
        self._origin = origin

    async def get(self, path: str) -> bytes:
        async with self._client.get(f"{self._origin}/api/v2{path}", headers=AUTHORIZED) as answer:
            assert answer.status == 200, path
            return await answer.read()

    async def asked(self, path: str) -> int:
        """The status of a request of the service."""
        async with self._client.get(f"{self._origin}/api/v2{path}", headers=AUTHORIZED) as answer:
            return answer.status

    async def status(self, method: str, path: str, body: dict[str, Any]) -> int:
        """The status of a control request."""
        async with self._client.request(method, f"{self._origin}/_control{path}", json=body) as answer:
            return answer.status

    async def lists(self, number: str = NUMBER) -> list[Any]:
        """`tramitacaoAtual`, then `tramitacoes`."""
        answer = json.loads(await self.get(f"/processos/{number}"))
        found = answer[0] if isinstance(answer, list) else answer
        return [found["tramitacaoAtual"], *found.get("tramitacoes", ())]

    async def ids(self, number: str = NUMBER) -> list[set[str]]:
        return [{one["idOrigem"] for one in each["documentos"]} for each in await self.lists(number)]


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Portal]:
    async with running_portal(create_portal("invented-token")) as origin, aiohttp.ClientSession() as session:
        yield Portal(session, origin)


@pytest.fixture
async def portal(running: Portal) -> Portal:
    await running.reset()
    await running.put_case(NUMBER, CASE)
    return running


async def test_a_filed_document_is_listed_in_each_copy_and_can_be_downloaded(portal: Portal) -> None:
    filed = await portal.file_document(NUMBER, name="Sentença.html", kind="html", size=3_000, type="Sentença")

    assert [filed["idOrigem"] in each for each in await portal.ids()] == [True, True]
    for uuid in filed["uuids"]:
        content = await portal.get(f"/processos/{NUMBER}/documentos/{uuid}/binario")
        assert (len(content), hashlib.sha256(content).hexdigest()) == (3_000, filed["sha256"])


async def test_without_fields_a_document_of_the_current_instance_is_filed(portal: Portal) -> None:
    first, second = await portal.file_document(LABOUR), await portal.file_document(LABOUR)

    assert [filed["instance"] for filed in (first, second)] == ["SEGUNDO_GRAU"] * 2
    assert len({filed["idOrigem"] for filed in (first, second)}) == 2
    current, *others = await portal.ids(LABOUR)
    assert {first["idOrigem"], second["idOrigem"]} <= current
    assert all(first["idOrigem"] not in each for each in others)


async def test_a_filed_movement_is_listed_in_each_copy(portal: Portal) -> None:
    filed = await portal.file_movement(NUMBER, description="Conclusos para julgamento")

    for each in await portal.lists():
        listed = [(one["descricao"], one["dataHora"][:19]) for one in each["movimentos"]]
        assert ("Conclusos para julgamento", filed["occurred_at"][:19]) in listed


async def test_what_was_filed_stays_until_a_reset(portal: Portal) -> None:
    filed = await portal.file_document(FEDERAL)
    await portal.file_movement(FEDERAL)
    assert filed["idOrigem"] in (await portal.ids(FEDERAL))[0]
    await portal.reset()

    assert filed["idOrigem"] not in (await portal.ids(FEDERAL))[0]
    [current] = await portal.lists(FEDERAL)
    assert "Movimento de exemplo" not in {one["descricao"] for one in current["movimentos"]}


async def test_a_document_is_reissued_under_other_uuids_with_the_same_bytes(portal: Portal) -> None:
    filed = await portal.file_document(NUMBER)
    changed = await portal.change_document(NUMBER, filed["uuids"][0], is_reissued=True)

    assert (changed["idOrigem"], changed["sha256"]) == (filed["idOrigem"], filed["sha256"])
    assert not set(changed["uuids"]) & set(filed["uuids"])
    assert (
        hashlib.sha256(await portal.get(f"/processos/{NUMBER}/documentos/{changed['uuids'][1]}/binario")).hexdigest()
        == (filed["sha256"])
    )


async def test_a_document_is_replaced_by_other_bytes_at_the_same_address(portal: Portal) -> None:
    filed = await portal.file_document(NUMBER)
    changed = await portal.change_document(NUMBER, filed["idOrigem"], size=9_999, is_revised=True)

    assert changed["uuids"] == filed["uuids"]
    assert changed["sha256"] != filed["sha256"]
    [listed] = [one for one in (await portal.lists())[0]["documentos"] if one["idOrigem"] == filed["idOrigem"]]
    assert listed["arquivo"]["tamanho"] == 9_999


async def test_a_document_is_removed_and_filed_again(portal: Portal) -> None:
    filed = await portal.file_document(NUMBER)
    await portal.remove_document(NUMBER, filed["idOrigem"])
    assert all(filed["idOrigem"] not in each for each in await portal.ids())
    again = await portal.file_document(NUMBER, origin_id=filed["idOrigem"])

    assert (again["uuids"], again["sha256"]) == (filed["uuids"], filed["sha256"])


async def test_a_case_becomes_sealed(portal: Portal) -> None:
    await portal.seal_case(FEDERAL, 3)

    assert json.loads(await portal.get(f"/processos/{FEDERAL}"))[0]["nivelSigilo"] == 3


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/cases/0000002-65.2005.4.05.8100/documents", {}, 404),
        ("POST", "/cases/0000002-65.2005.4.05.8100/movements", {}, 404),
        ("POST", "/cases/123/documents", {}, 400),
        ("POST", f"/cases/{NUMBER}/documents", {"size": 3}, 400),
        ("POST", f"/cases/{NUMBER}/documents", {"kind": "docx"}, 400),
        ("POST", f"/cases/{NUMBER}/documents", {"instance": "SEGUNDO_GRAU"}, 400),
        ("POST", f"/cases/{NUMBER}/documents", {"origin_id": "410200613"}, 400),
        ("POST", f"/cases/{NUMBER}/documents", {"nam": "typo"}, 400),
        ("POST", f"/cases/{NUMBER}/movements", {"occurred_at": "yesterday"}, 400),
        ("POST", f"/cases/{NUMBER}/movements", {"description": ""}, 400),
        ("POST", f"/cases/{NUMBER}/movements", {"instance": "SEGUNDO_GRAU"}, 400),
        ("PATCH", f"/cases/{NUMBER}/documents/none", {}, 404),
        ("DELETE", f"/cases/{NUMBER}/documents/none", {}, 404),
    ],
)
async def test_what_cannot_be_filed_is_refused(
    portal: Portal, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    assert await portal.status(method, path, body) == status


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(kind=FaultKind.NO_MOVEMENTS), [None, None]),
        (Fault(kind=FaultKind.FEWER_MOVEMENTS), [60, 90]),
        (Fault(kind=FaultKind.FEWER_MOVEMENTS, size=0), [0, 0]),
        (Fault(kind=FaultKind.SHUFFLED), [120, 180]),
    ],
)
async def test_a_listing_may_have_fewer_movements_for_once(portal: Portal, fault: Fault, expected: list[Any]) -> None:
    right = await portal.lists(LABOUR)
    await portal.fail_listing(LABOUR, fault)
    wrong, after = await portal.lists(LABOUR), await portal.lists(LABOUR)

    assert [len(one["movimentos"]) if "movimentos" in one else None for one in wrong] == expected
    assert wrong != right
    assert after == right


async def test_a_case_may_be_missing_in_the_index_only(portal: Portal) -> None:
    await portal.configure(unknown_case="not_indexed")
    await portal.remove_case(NUMBER)

    assert await portal.asked(f"/processos/{NUMBER}") == 500
    assert await portal.asked(f"/processos?numeroProcesso={NUMBER}") == 404
    assert await portal.asked(f"/processos?numeroProcesso={FEDERAL}") == 200
