"""Rules of every request: keys, ids, problems, and case numbers that are refused before any dependency is used."""

from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette

from service.api.routes import ROUTES
from service.app import HANDLERS
from service.domain.version import VERSION
from tests.support.http.api import Api
from tests.support.http.asgi import get

FEDERAL = "0000123-06.2023.4.03.6100"
WRONG_NUMBERS = {
    "bad check digits": "0000123-07.2023.4.03.6100",
    "19 digits": "0000123062023403610",
    "21 digits": "000012306202340361000",
    "letters": "000012a-06.2023.4.03.6100",
    "unicode digits": "٠٠٠٠١٢٣-٠٦.٢٠٢٣.٤.٠٣.٦١٠٠",
    "superscripts": "0000123062023403610²",
    "sql": "'; DROP TABLE documents; --",
    "other punctuation": "0000123.06.2023.4.03.6100",
    "a line break within": "0000123062023\n4036100",
    "spaces within": "0000123 06 2023 4 03 6100",
    "10 kB": "1" * 10_000,
    "all zeros": "0" * 20,
}


@pytest.mark.parametrize("number", WRONG_NUMBERS.values(), ids=WRONG_NUMBERS.keys())
@pytest.mark.parametrize("path", ["", "/status", "/documents/x/content"])
async def test_a_wrong_number_is_refused_without_asking_anyone(number: str, path: str) -> None:
    # This application was never started: it has neither a database nor a portal.
    application = Starlette(routes=ROUTES, exception_handlers=HANDLERS)

    status, body = await call(application, f"/api/v1/processes/{number}{path}")

    assert (status, body["code"]) == (400, "invalid_process_number")
    assert number not in str(body)


@pytest.mark.parametrize("number", ["1" * 10_000, "'; DROP TABLE documents; --", "٠٠٠٠١٢٣-٠٦.٢٠٢٣.٤.٠٣.٦١٠٠"])
async def test_a_wrong_number_is_refused_over_http(api: Api, number: str) -> None:
    answer = await api.process(number.replace("/", "%2F"))

    assert (answer.status, answer.json["code"]) == (400, "invalid_process_number")


async def test_both_ways_of_writing_a_number_are_answered_masked(api: Api) -> None:
    masked = await api.process(FEDERAL, auto_download="false")
    plain = await api.process("00001230620234036100", auto_download="false")

    assert masked.json["process_number"] == plain.json["process_number"] == FEDERAL


@pytest.mark.parametrize(
    "path", [f"/api/v1/processes/{FEDERAL}", f"/api/v1/processes/{FEDERAL}/status", "/api/v1/webhooks/secret"]
)
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", "Basic YTpi", "bearer autos_x\tx", "Bearer " + "x" * 500]
)
async def test_a_request_without_a_known_key_is_refused(api: Api, path: str, authorization: str | None) -> None:
    stranger = Api(api.session, api.base_url, None)
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = await stranger.get(path, headers=headers)

    assert (answer.status, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_request_keeps_the_id_of_its_client(api: Api) -> None:
    answer = await api.get("/health/live", headers={"X-Request-ID": "client-1.a_b"})

    assert answer.headers["X-Request-ID"] == "client-1.a_b"


@pytest.mark.parametrize("given", ["a b", "x" * 65, "", "ü"])
async def test_an_id_that_is_not_well_formed_is_replaced(api: Api, given: str) -> None:
    answer = await api.get("/health/live", headers={"X-Request-ID": given})

    assert len(answer.headers["X-Request-ID"]) == 32


async def test_an_unknown_path_is_a_problem(api: Api) -> None:
    answer = await api.get("/api/v1/nothing")

    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"]


async def test_the_process_says_that_it_lives_and_is_ready(api: Api) -> None:
    assert (await api.get("/health/live")).json == {"status": "ok", "version": VERSION}
    ready = await api.get("/health/ready")

    assert (ready.status, set(ready.json.values())) == (200, {"ok"})


async def test_answers_are_not_stored_and_name_no_server(api: Api) -> None:
    answer = await api.process(FEDERAL, auto_download="false")

    assert answer.headers["Cache-Control"] == "no-store"
    assert "Server" not in answer.headers


async def call(application: Starlette, path: str) -> tuple[int, Any]:
    """Send one GET with a key to an ASGI application."""
    sent = await get(application, path, {"authorization": "Bearer autos_nobody"}, state={})
    return sent[0]["status"], msgspec.json.decode(sent[1]["body"])
