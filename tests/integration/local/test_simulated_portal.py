"""The simulated portal over real sockets: its responses, its faults and its journal."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import aiohttp
import pytest

from service.local.simulator import (
    CaseDocument,
    CaseSpec,
    DocumentSpec,
    Fault,
    FaultKind,
    PortalControl,
    build_case,
    create_portal,
    running_portal,
    sha256_of,
)
from service.local.simulator.cases.samples import FEDERAL, LABOUR, STATE

HTML = "text/html; charset=utf-8"
JSON = "application/json"
TOKEN = "invented-token"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
NUMBER = "7654321-71.2021.8.19.0001"
CASE = CaseSpec(documents=(DocumentSpec(size=200_000, count=3),), listed_twice=True)


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


class Client:
    """Requests the portal as the service does; `control` scripts it."""

    def __init__(self, origin: str, session: aiohttp.ClientSession) -> None:
        self.origin = origin
        self.session = session
        self.control = PortalControl(session, origin)

    async def get(self, path: str, headers: Mapping[str, str] = AUTHORIZED) -> Answer:
        async with self.session.get(self.origin + path, headers=headers, allow_redirects=False) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    def open(self, path: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self.session.get(self.origin + path, headers=AUTHORIZED)

    async def fail(self, kind: str, **options: Any) -> None:
        await self.control.fail_document(NUMBER, "*", Fault(kind=FaultKind(kind), **options))

    @asynccontextmanager
    async def socket(self, path: str) -> AsyncIterator[asyncio.StreamReader]:
        """The bytes that the server sends."""
        reader, writer = await asyncio.open_connection(*self.origin.removeprefix("http://").split(":"))
        fields = "".join(f"{name}: {value}\r\n" for name, value in {"User-Agent": "raw", **AUTHORIZED}.items())
        writer.write(f"GET {path} HTTP/1.1\r\nHost: portal\r\n{fields}\r\n".encode())
        yield reader
        writer.close()


def document() -> CaseDocument:
    return build_case(NUMBER, CASE).documents[0]


def binary(copy: int = 0) -> str:
    return f"/api/v2/processos/{NUMBER}/documentos/{document().uuid_of(copy)}/binario"


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Client]:
    async with running_portal(create_portal(TOKEN)) as origin, aiohttp.ClientSession() as session:
        yield Client(origin, session)


@pytest.fixture
async def portal(running: Client) -> Client:
    await running.control.reset()
    await running.control.put_case(NUMBER, CASE)
    return running


@pytest.mark.parametrize("number", [FEDERAL, STATE, LABOUR])
async def test_every_address_of_a_sample_gives_the_bytes_that_are_expected(portal: Client, number: str) -> None:
    expected = await portal.control.expected(number)
    for one in expected["documents"]:
        for uuid in one["uuids"]:
            found = await portal.get(f"/api/v2/processos/{number}/documentos/{uuid}/binario")
            text = await portal.get(f"/api/v2/processos/{number}/documentos/{uuid}/texto")
            check_binary(found, one) if one["has_binary"] else check_missing(found)
            check_text(text, one) if one["has_text"] else check_missing(text)


def check_binary(found: Answer, expected: Mapping[str, Any]) -> None:
    assert (found.status, found.sha256, len(found.body)) == (200, expected["sha256"], expected["size"])
    assert found.headers["Content-Type"] == expected["media_type"]
    assert found.headers["Content-Length"] == str(expected["size"])


def check_text(found: Answer, expected: Mapping[str, Any]) -> None:
    assert (found.status, found.sha256) == (200, expected["text"]["sha256"])
    assert found.headers["Content-Type"] == "text/plain; charset=utf-8"


def check_missing(found: Answer) -> None:
    assert (found.status, found.headers["Content-Type"]) == (404, "application/json")


async def test_listings_are_a_list_or_an_object_for_masked_and_bare_numbers(portal: Client) -> None:
    federal = await portal.get(f"/api/v2/processos/{FEDERAL}")
    labour = await portal.get("/api/v2/processos/" + "".join(filter(str.isdigit, LABOUR)))
    assert json.loads(federal.body)[0]["numeroProcesso"] == FEDERAL
    assert json.loads(labour.body)["numeroProcesso"] == LABOUR
    bare = await portal.get(binary().replace(NUMBER, "".join(filter(str.isdigit, NUMBER))))
    assert bare.sha256 == sha256_of(document())
    found = json.loads((await portal.get(f"/api/v2/processos?numeroProcesso={STATE}")).body)
    assert [one["numeroProcesso"] for one in found["content"]] == [STATE]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer other"}, {"Authorization": TOKEN}])
async def test_without_the_token_the_answer_is_an_empty_401(portal: Client, headers: dict[str, str]) -> None:
    for path in (binary(), f"/api/v2/processos/{FEDERAL}", "/api/v2/nothing"):
        answer = await portal.get(path, headers)
        assert (answer.status, answer.body) == (401, b"")
        assert "Content-Type" not in answer.headers


async def test_without_a_user_agent_the_firewall_answers_before_anything_else(portal: Client) -> None:
    for path in (binary(), "/"):
        answer = await portal.get(path, {"User-Agent": ""})
        assert (answer.status, answer.headers["Content-Type"]) == (403, HTML)
        assert b"Forbidden" in answer.body


async def test_the_firewall_may_insist_on_a_browser(portal: Client) -> None:
    await portal.control.configure(browser_only=True)
    assert (await portal.get(binary())).status == 403
    assert (await portal.get(binary(), {**AUTHORIZED, "User-Agent": "Mozilla/5.0 (X11)"})).status == 200


async def test_outside_of_the_api_the_portal_shows_its_own_page(portal: Client) -> None:
    for path in (binary().removeprefix("/api/v2"), "/", "/consulta"):
        answer = await portal.get(path, {})
        assert (answer.status, answer.headers["Content-Type"]) == (200, HTML)
        assert b"<app-root" in answer.body


async def test_what_does_not_exist_is_an_error_in_json_and_an_unknown_case_an_empty_list(portal: Client) -> None:
    wrong = [f"/api/v2/processos/{FEDERAL}/documentos", "/api/v2/processos/x", binary().replace(NUMBER, FEDERAL)]
    for path in wrong:
        error = json.loads((await portal.get(path)).body)
        assert (error["status"], error["error"], error["path"]) == (404, "Not Found", path)
    unknown = "/api/v2/processos/0000002-24.2024.8.26.0100"
    assert (await portal.get(unknown)).body == b"[]"
    await portal.control.configure(unknown_case="not_found")
    assert (await portal.get(unknown)).status == 404


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "piece"),
    [
        (Fault(kind=FaultKind.PORTAL_PAGE), 200, HTML, b"<app-root"),
        (Fault(kind=FaultKind.FIREWALL_403), 403, HTML, b"Forbidden"),
        (Fault(kind=FaultKind.JSON_200), 200, JSON, b'{"codigo":500'),
        (Fault(kind=FaultKind.EMPTY_BODY), 200, "application/pdf", b""),
        (Fault(kind=FaultKind.CODEX_500), 500, JSON, b"Erro interno na API do Codex."),
        (Fault(kind=FaultKind.NOT_FOUND_404), 404, JSON, b"Not Found"),
        (Fault(kind=FaultKind.UNAVAILABLE_503, status=502), 502, HTML, b"Unavailable"),
        (Fault(kind=FaultKind.DENIED_403), 403, JSON, "não possui acesso ao processo".encode()),
        (Fault(kind=FaultKind.DENIED_403, status=401), 401, JSON, "não possui acesso ao processo".encode()),
        (Fault(kind=FaultKind.EXPIRED_401), 401, None, b""),
        (Fault(kind=FaultKind.ACCEPTED_202), 202, None, b""),
        (Fault(kind=FaultKind.HTML_AS_PDF), 200, "application/pdf", b"<div style="),
    ],
)
async def test_a_scripted_answer_comes_once_and_then_the_document(
    portal: Client, fault: Fault, status: int, content_type: str | None, piece: bytes
) -> None:
    await portal.control.fail_document(NUMBER, document().origin_id, fault)
    answer = await portal.get(binary())
    assert (answer.status, answer.headers.get("Content-Type")) == (status, content_type)
    assert piece in answer.body
    assert bool(answer.body) == bool(piece)
    assert (await portal.get(binary())).sha256 == sha256_of(document())


async def test_retry_after_is_given_in_seconds_as_a_date_or_as_nonsense(portal: Client) -> None:
    in_seconds = Fault(kind=FaultKind.TOO_MANY_429, retry_after=7)
    nonsense = Fault(kind=FaultKind.ACCEPTED_202, retry_after="soon")
    dated = Fault(kind=FaultKind.TOO_MANY_429, retry_after=60, retry_after_as_date=True)
    await portal.control.fail_document(NUMBER, "*", in_seconds, nonsense, dated)
    first, second, third = [await portal.get(binary()) for _ in range(3)]
    assert (first.status, first.headers["Retry-After"]) == (429, "7")
    assert (second.status, second.headers["Retry-After"]) == (202, "soon")
    wait = parsedate_to_datetime(third.headers["Retry-After"]) - datetime.now(UTC)
    assert timedelta(0) < wait <= timedelta(seconds=60)


async def test_a_redirect_leads_to_the_host_of_the_script(portal: Client) -> None:
    await portal.fail("redirect_other_host", location="http://elsewhere.invalid")
    answer = await portal.get(binary())
    assert (answer.status, answer.headers["Location"]) == (302, f"http://elsewhere.invalid{binary()}")


async def test_a_body_cut_below_its_content_length_is_an_error_to_the_client(portal: Client) -> None:
    await portal.fail("truncated_with_length", after_bytes=1_000)
    async with portal.open(binary()) as answer:
        assert answer.content_length == 200_000
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_a_body_cut_without_content_length_looks_complete_to_the_client(portal: Client) -> None:
    await portal.fail("truncated_without_length")
    answer = await portal.get(binary())
    assert (answer.status, len(answer.body)) == (200, 100_000)
    assert not {"Content-Length", "Transfer-Encoding"} & set(answer.headers)


async def test_a_connection_is_reset_in_the_middle_of_a_body(portal: Client) -> None:
    await portal.fail("reset", after_bytes=1_000)
    async with portal.socket(binary()) as reader:
        assert b"Content-Length: 200000" in await reader.readuntil(b"\r\n\r\n")
        assert len(await reader.readexactly(1_000)) == 1_000
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_an_http_client_sees_a_reset_after_the_headers(portal: Client) -> None:
    await portal.fail("reset")
    async with portal.open(binary()) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def test_more_bytes_come_than_the_listing_declared_or_the_length_promised(portal: Client) -> None:
    await portal.fail("longer_than_declared", extra_bytes=17)
    assert len((await portal.get(binary())).body) == 200_017
    await portal.fail("longer_than_length", extra_bytes=17)
    async with portal.socket(binary()) as reader:
        head, body = (await reader.read()).split(b"\r\n\r\n", 1)
    assert b"Content-Length: 200000" in head
    assert len(body) == 200_017


@pytest.mark.parametrize("kind", ["no_content_length", "close_delimited"])
async def test_the_right_bytes_may_come_without_content_length(portal: Client, kind: str) -> None:
    await portal.fail(kind)
    answer = await portal.get(binary())
    assert answer.sha256 == sha256_of(document())
    assert "Content-Length" not in answer.headers


async def test_gzip_comes_though_nobody_asked_for_it(portal: Client) -> None:
    await portal.fail("unasked_gzip")
    async with portal.socket(binary()) as reader:
        head = await reader.readuntil(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head
    await portal.fail("unasked_gzip")
    assert (await portal.get(binary())).sha256 == sha256_of(document())  # decoded by the client


async def test_another_size_than_declared_comes_whole_and_with_its_own_length(portal: Client) -> None:
    await portal.fail("other_size", size=150_000)
    answer = await portal.get(binary())
    assert answer.headers["Content-Length"] == "150000"
    assert answer.sha256 == sha256_of(replace(document(), size=150_000))


async def test_a_drip_sends_a_byte_and_then_makes_the_client_wait(portal: Client) -> None:
    await portal.fail("slow_drip", seconds=3_600)
    async with portal.open(binary()) as answer:
        assert await answer.content.readany() == b"%"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(answer.content.readany(), timeout=0.1)
