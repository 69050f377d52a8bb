"""The simulated portal's false listings, its control endpoints and its journal."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from starlette.types import Message, Receive, Scope, Send

from service.local.simulator import (
    FOR_EVER,
    CaseDocument,
    CaseSpec,
    DocumentSpec,
    Fault,
    FaultKind,
    PortalControl,
    SimulatedPortal,
    build_case,
    create_portal,
    running_portal,
)
from service.local.simulator.cases.samples import FEDERAL, LABOUR
from service.local.simulator.middleware import Journaling

TOKEN = "invented-token"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
NUMBER = "7654321-71.2021.8.19.0001"
LISTING = f"/api/v2/processos/{NUMBER}"
CASE = CaseSpec(documents=(DocumentSpec(size=50_000, count=3), DocumentSpec(size=50_000_000)), listed_twice=True)
HANG = Fault(kind=FaultKind.HANG, times=FOR_EVER)


@dataclass(frozen=True)
class Client:
    """Requests the portal; `control` scripts it."""

    origin: str
    session: aiohttp.ClientSession
    control: PortalControl

    async def status(self, path: str, token: str = TOKEN) -> int:
        async with self.session.get(self.origin + path, headers={"Authorization": f"Bearer {token}"}) as answer:
            await answer.read()
            return answer.status

    async def json(self, path: str) -> Any:
        async with self.session.get(self.origin + path, headers=AUTHORIZED) as answer:
            return json.loads(await answer.read())

    async def journal_when(self, in_flight: int) -> Any:
        while (journal := await self.control.journal())["in_flight"] != in_flight:
            continue
        return journal


def document(index: int = 0) -> CaseDocument:
    return build_case(NUMBER, CASE).documents[index]


def binary(index: int = 0, copy: int = 0) -> str:
    return f"{LISTING}/documentos/{document(index).uuid_of(copy)}/binario"


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Client]:
    async with running_portal(create_portal(TOKEN)) as origin, aiohttp.ClientSession() as session:
        yield Client(origin, session, PortalControl(session, origin))


@pytest.fixture
async def portal(running: Client) -> Client:
    await running.control.reset()
    await running.control.put_case(NUMBER, CASE)
    return running


async def test_a_uuid_fails_while_the_other_copy_of_the_document_works(portal: Client) -> None:
    await portal.control.fail_document(NUMBER, document().uuid_of(0), Fault(kind=FaultKind.CODEX_500, times=FOR_EVER))
    assert [await portal.status(binary(copy=0)) for _ in range(3)] == [500] * 3
    assert await portal.status(binary(copy=1)) == 200


async def test_a_text_fails_apart_from_its_binary(portal: Client) -> None:
    await portal.control.fail_document(NUMBER, "*", Fault(kind=FaultKind.CODEX_500, rendition="texto"))
    assert await portal.status(binary()) == 200
    assert await portal.status(binary().replace("/binario", "/texto")) == 500


async def test_a_listing_may_be_empty_wrapped_or_of_two_cases(portal: Client) -> None:
    faults = [Fault(kind=FaultKind(kind)) for kind in ("empty_list", "content_wrapper", "two_objects")]
    await portal.control.fail_listing(NUMBER, *faults)
    empty, wrapped, two, right = [await portal.json(LISTING) for _ in range(4)]
    assert empty == []
    assert wrapped == {"content": right}
    assert two[0] == right[0]
    assert two[1]["numeroProcesso"] != NUMBER


async def test_a_slow_listing_is_right_in_the_end(portal: Client) -> None:
    await portal.control.fail_listing(
        NUMBER, Fault(kind=FaultKind.SLOW, seconds=3_600), Fault(kind=FaultKind.SLOW, seconds=0)
    )
    asking = asyncio.create_task(portal.json(LISTING))
    await portal.journal_when(in_flight=1)
    assert await portal.json(LISTING) == await portal.json(LISTING)
    assert not asking.done()
    asking.cancel()
    await portal.journal_when(in_flight=0)


async def test_a_bare_object_is_wrapped_as_a_list_too(portal: Client) -> None:
    await portal.control.fail_listing(LABOUR, Fault(kind=FaultKind.CONTENT_WRAPPER))
    wrapped = await portal.json(f"/api/v2/processos/{LABOUR}")
    assert wrapped == {"content": [await portal.json(f"/api/v2/processos/{LABOUR}")]}


async def test_a_malformed_listing_is_no_json(portal: Client) -> None:
    await portal.control.fail_listing(NUMBER, Fault(kind=FaultKind.MALFORMED_JSON))
    with pytest.raises(json.JSONDecodeError):
        await portal.json(LISTING)


async def test_a_truncated_listing_is_an_error_to_the_client(portal: Client) -> None:
    await portal.control.fail_listing(NUMBER, Fault(kind=FaultKind.TRUNCATED))
    with pytest.raises(aiohttp.ClientPayloadError):
        await portal.json(LISTING)


async def test_hrefs_may_lead_to_another_host(portal: Client) -> None:
    fault = Fault(kind=FaultKind.HREF_OTHER_HOST, location="http://elsewhere.invalid:81")
    await portal.control.fail_listing(NUMBER, fault)
    listed = (await portal.json(LISTING))[0]["tramitacaoAtual"]["documentos"]
    assert {one["hrefBinario"].split("/processos/")[0] for one in listed} == {"http://elsewhere.invalid:81/api/v2"}


@pytest.mark.parametrize(
    ("kind", "status"),
    [("codex_500", 500), ("unavailable_503", 503), ("too_many_429", 429), ("expired_401", 401), ("denied_403", 403)],
)
async def test_errors_hit_a_listing_or_whatever_is_asked(portal: Client, kind: str, status: int) -> None:
    await portal.control.fail_listing(NUMBER, Fault(kind=FaultKind(kind)))
    assert (await portal.status(LISTING), await portal.status(LISTING)) == (status, 200)
    await portal.control.fail_everything(Fault(kind=FaultKind(kind), times=FOR_EVER))
    assert {await portal.status(path) for path in (LISTING, binary(), "/api/v2/processos", "/")} == {status}
    await portal.control.fail_everything()
    assert await portal.status(binary()) == 200


async def test_silence_lasts_until_the_client_leaves_and_is_in_the_journal(portal: Client) -> None:
    await portal.control.fail_document(NUMBER, "*", HANG)
    asking = [asyncio.create_task(portal.status(binary(index))) for index in range(3)]
    assert (await portal.journal_when(in_flight=3))["documents_in_flight"] == 3
    for task in asking:
        task.cancel()
    journal = await portal.journal_when(in_flight=0)
    assert [one["status"] for one in journal["requests"]] == [None] * 3
    assert (journal["max_in_flight"], journal["max_documents_in_flight"]) == (3, 3)


@pytest.mark.parametrize("slowness", [{"latency_listing_ms": 3_600_000}, {"latency_binary_ms": 3_600_000}])
async def test_latency_holds_back_what_it_is_set_for(portal: Client, slowness: dict[str, int]) -> None:
    await portal.control.configure(**slowness)
    slow, fast = (LISTING, binary()) if "latency_listing_ms" in slowness else (binary(), LISTING)
    asking = asyncio.create_task(portal.status(slow))
    await portal.journal_when(in_flight=1)
    assert await portal.status(fast) == 200
    assert not asking.done()
    asking.cancel()
    await portal.journal_when(in_flight=0)


async def test_bandwidth_is_shared_out_in_small_pieces(portal: Client) -> None:
    await portal.control.configure(bytes_per_second=1_000)
    async with portal.session.get(portal.origin + binary(), headers=AUTHORIZED) as answer:
        assert len(await answer.content.readany()) < 50_000
    await portal.control.configure(bytes_per_second=10_000_000)
    assert await portal.status(binary()) == 200


async def test_another_token_makes_the_first_one_expire(portal: Client) -> None:
    await portal.control.configure(token="renewed")
    assert (await portal.status(LISTING), await portal.status(LISTING, "renewed")) == (401, 200)


async def test_mortal_tokens_are_accepted_up_to_their_end(portal: Client) -> None:
    await portal.control.configure(mortal_tokens={"lives": time.time() + 3600, "dead": time.time() - 1})
    assert [await portal.status(LISTING, token) for token in ("lives", "dead", "unknown")] == [200, 401, 401]


async def test_the_journal_tells_what_was_asked_but_no_token(portal: Client) -> None:
    await portal.status(binary(copy=1))
    async with portal.session.get(portal.origin + LISTING):
        pass
    journal = await portal.journal_when(in_flight=0)
    told = [(one["method"], one["path"], one["had_authorization"], one["status"]) for one in journal["requests"]]
    assert told == [("GET", binary(copy=1), True, 200), ("GET", LISTING, False, 401)]
    count = journal["documents"][0]
    assert (count["requests"], count["complete"]) == (1, 1)
    assert count["by_uuid"] == {document().uuid_of(1): 1}
    assert TOKEN not in json.dumps(journal)
    await portal.control.forget_requests()
    assert (await portal.control.journal())["requests"] == []


async def test_a_download_that_the_client_gave_up_is_not_complete(portal: Client) -> None:
    async with portal.session.get(portal.origin + binary(index=3), headers=AUTHORIZED) as answer:
        await answer.content.readany()
        answer.close()
    count = (await portal.journal_when(in_flight=0))["documents"][0]
    assert (count["requests"], count["complete"]) == (1, 0)


async def test_a_case_is_replaced_by_another_with_a_changed_and_a_vanished_document(portal: Client) -> None:
    first, second = DocumentSpec(origin_id="1"), DocumentSpec(origin_id="2")
    await portal.control.put_case(NUMBER, CaseSpec(documents=(first, second)))
    before = await portal.control.expected(NUMBER)
    await portal.control.put_case(NUMBER, CaseSpec(documents=(DocumentSpec(origin_id="1", revision=2),)))
    after = await portal.control.expected(NUMBER)
    listed = (await portal.json(LISTING))[0]["tramitacaoAtual"]["documentos"]
    assert [one["idOrigem"] for one in listed] == ["1"]
    assert after["documents"][0]["uuids"] == before["documents"][0]["uuids"]
    assert after["documents"][0]["sha256"] != before["documents"][0]["sha256"]
    gone = before["documents"][1]["uuids"][0]
    assert await portal.status(f"{LISTING}/documentos/{gone}/binario") == 404


async def test_hostile_names_arrive_as_they_were_given(portal: Client) -> None:
    names = ["a/../b\x00\x1b", "\u202egnp.exe", "x" * 1_000, "x" * 1_000]
    await portal.control.put_case(NUMBER, CaseSpec(documents=tuple(DocumentSpec(name=name) for name in names)))
    listed = (await portal.json(LISTING))[0]["tramitacaoAtual"]["documentos"]
    assert [one["nome"] for one in reversed(listed)] == names


async def test_reset_brings_back_the_samples_alone(portal: Client) -> None:
    await portal.control.configure(browser_only=True, token="renewed")
    await portal.control.fail_everything(HANG)
    await portal.control.remove_case(FEDERAL)
    await portal.control.reset()
    assert await portal.status(f"/api/v2/processos/{FEDERAL}") == 200
    assert await portal.json(LISTING) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/cases/123", {"documents": []}, 400),
        ("PUT", f"/cases/{NUMBER}", {"documents": [{"size": 5}]}, 400),
        ("PUT", f"/cases/{NUMBER}", {"files": []}, 400),
        ("PUT", f"/cases/{NUMBER}/listing-faults", {"faults": [{"kind": "slow_drip"}]}, 400),
        ("PUT", f"/cases/{NUMBER}/documents/nothing/faults", {"faults": []}, 404),
        ("PUT", "/settings", {"latency_binary_ms": -1}, 400),
        ("GET", "/cases/0000002-24.2024.8.26.0100", None, 404),
    ],
)
async def test_a_control_request_that_makes_no_sense_is_refused_with_a_reason(
    portal: Client, method: str, path: str, body: object, status: int
) -> None:
    async with portal.session.request(method, f"{portal.origin}/_control{path}", json=body) as answer:
        assert answer.status == status
        assert (await answer.json())["error"]


async def test_the_control_answers_nobody_beyond_this_machine() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": "/_control/health", "headers": [], "query_string": b""}
    for address, status in (("192.0.2.7", 403), ("127.0.0.1", 200)):
        await create_portal(TOKEN)({**scope, "client": (address, 1)}, receive, send)
        assert [one["status"] for one in sent if "status" in one][-1] == status


async def test_a_request_is_no_longer_in_flight_when_its_last_promised_byte_leaves() -> None:
    portal: SimulatedPortal = create_portal(TOKEN).state.portal
    in_flight: list[int] = []

    async def answering(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        for piece in (b"a", b"b", b""):
            await send({"type": "http.response.body", "body": piece, "more_body": bool(piece)})

    async def send(_message: Message) -> None:
        in_flight.append(portal.journal.in_flight.now)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    await Journaling(answering, portal)(scope, receive, send)
    assert in_flight == [1, 1, 0, 0]
