"""The security headers of every response, and which websites may read it."""

from collections.abc import AsyncIterator

import aiohttp
import asyncpg
import pytest
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message

from service.http.security_headers import SecurityHeadersMiddleware
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.http.api import Answer, Api
from tests.support.http.raw_http import connect
from tests.support.service import Service, running_service

PAGE = "https://app.example.com"
SECRET = "/api/v1/webhooks/secret"


@pytest.fixture(scope="module")
async def service(
    stack: Stack, session: aiohttp.ClientSession, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """A service that pages of one website may use, with a database that a test may break."""
    own = {"DATABASE_URL": await create_database(stack), "CORS_ALLOWED_ORIGINS": f"{PAGE}, http://127.0.0.1:5173"}
    async with running_service(session, environment | own, tmp_path_factory.mktemp("headers")) as running:
        yield running


def expect_guarded(answer: Answer) -> None:
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-ID"]
    assert "Server" not in answer.headers
    assert "Strict-Transport-Security" not in answer.headers, "of plain HTTP in development"


async def test_every_answer_has_the_headers(service: Service) -> None:
    stranger = Api(service.api.session, service.api.base_url, None)

    answers = [
        await service.api.get(SECRET),
        await stranger.get(SECRET),
        await stranger.get("/nothing"),
        await stranger.post("/health/live"),
        await service.api.get("/health/live", x="a" * 20_000),
        await service.api.get("/health/live", headers={f"X-{index}": "1" for index in range(101)}),
    ]

    assert [answer.status for answer in answers] == [200, 401, 404, 405, 414, 431]
    assert [answer.json.get("code") for answer in answers[4:]] == ["uri_too_long", "headers_too_large"]
    for answer in answers:
        expect_guarded(answer)


async def test_a_page_for_people_has_a_policy_of_its_own(service: Service) -> None:
    page = await service.api.get("/docs")

    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"


async def test_what_is_not_http_is_answered_with_a_problem_and_the_headers(service: Service) -> None:
    connection = await connect(int(service.environment["PORT"]))
    await connection.send(b"\x16\x03\x01 not HTTP\r\n\r\n")

    answer = await connection.answer()

    await connection.close()
    assert answer is not None
    assert (answer.status, answer.code) == (400, "http_error")
    expect_guarded(Answer(answer.status, Headers(answer.headers), None))


async def test_a_slash_too_many_leads_nowhere(service: Service) -> None:
    answer = await service.api.get(f"{SECRET}/", headers={"Host": "evil.example"})

    assert answer.status == 404


async def test_a_browser_may_ask_before_it_calls_without_a_key(service: Service) -> None:
    asked = await preflight(service, PAGE, "POST", "authorization,content-type,x-request-id")

    assert asked.status == 200
    assert asked.headers["Access-Control-Allow-Origin"] == PAGE
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= set(asked.headers["Access-Control-Allow-Methods"].split(", "))
    assert "Access-Control-Allow-Credentials" not in asked.headers


async def test_a_page_that_is_allowed_reads_answers_problems_and_limits(service: Service) -> None:
    stranger = Api(service.api.session, service.api.base_url, None)
    for answer in (
        await service.api.get(SECRET, headers={"Origin": PAGE}),
        await stranger.get(SECRET, headers={"Origin": PAGE}),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        exposed = {name.lower() for name in answer.headers["Access-Control-Expose-Headers"].split(", ")}
        assert exposed == {
            "x-request-id",
            "ratelimit-limit",
            "ratelimit-remaining",
            "ratelimit-reset",
            "retry-after",
            "etag",
        }
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://app.example.com.evil.example", "http://app.example.com"]
)
async def test_another_page_reads_nothing(service: Service, origin: str) -> None:
    asked = await preflight(service, origin, "GET", "authorization")
    answered = await service.api.get(SECRET, headers={"Origin": origin})

    assert asked.status == 400
    assert "Access-Control-Allow-Origin" not in asked.headers
    assert "Access-Control-Allow-Origin" not in answered.headers


async def test_no_page_reads_anything_where_none_is_allowed(api: Api) -> None:
    answered = await api.get(SECRET, headers={"Origin": PAGE})

    assert not [name for name in answered.headers if name.lower().startswith("access-control-")]


# The last one: it breaks the service.
async def test_a_crash_is_answered_with_the_headers_and_nothing_of_its_cause(service: Service) -> None:
    connection = await asyncpg.connect(service.database_url)
    await connection.execute("ALTER TABLE api_keys RENAME TO elsewhere")
    await connection.close()

    answer = await service.api.get(SECRET, headers={"X-Request-ID": "crash-1", "Origin": PAGE})

    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert answer.headers["X-Request-ID"] == "crash-1"
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "api_keys" not in str(answer.json)
    expect_guarded(answer)


async def test_production_asks_browsers_for_https() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    application = SecurityHeadersMiddleware(Response(), is_https_only=True)
    await application({"type": "http", "method": "GET"}, receive, send)

    assert Headers(raw=sent[0]["headers"])["Strict-Transport-Security"] == "max-age=31536000"


async def preflight(service: Service, origin: str, method: str, headers: str) -> Answer:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    async with service.api.session.options(service.api.base_url + SECRET, headers=asked) as response:
        return Answer(response.status, response.headers, None)
