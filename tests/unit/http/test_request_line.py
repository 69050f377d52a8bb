"""A request that crashes gets a response, is counted and is logged like any other, with its id."""

from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.app import HANDLERS
from service.http.request_id import RequestIdMiddleware, addresses
from service.observability.logs import configure_logs
from service.observability.metrics import ApiMetrics
from tests.support.http.asgi import get

NUMBER = "0000123-06.2023.4.03.6100"


pytestmark = pytest.mark.usefixtures("restored_logs")


async def crash(_request: Request) -> Response:
    raise KeyError("nobody expected this")


async def call(path: str, metrics: ApiMetrics, **headers: str) -> list[Any]:
    """The messages of one response."""
    application = RequestIdMiddleware(
        Starlette(routes=[Route("/crash/{number}/{job_id}", crash)], exception_handlers=HANDLERS)
    )
    state = {"metrics": metrics}
    return await get(application, path, headers, query=b"token=hidden", state=state)


async def test_a_crash_is_one_line_with_its_traceback_and_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", as_json=True)
    metrics = ApiMetrics()

    start, body = await call(f"/crash/{NUMBER}/not-an-id", metrics, **{"x-request-id": "an-id"})

    (line,) = [msgspec.json.decode(each) for each in capsys.readouterr().out.splitlines()]
    assert (line["event"], line["level"], line["status"], line["request_id"]) == ("request", "error", 500, "an-id")
    assert line["process_number"] == NUMBER
    assert "job_id" not in line
    assert line["exception"][0]["exc_type"] == "KeyError"
    assert "hidden" not in str(line)
    assert (start["status"], msgspec.json.decode(body["body"])["code"]) == (500, "internal_error")
    assert (b"x-request-id", b"an-id") in start["headers"]
    labels = {"method": "GET", "route": "/crash/{number}/{job_id}", "status": "500"}
    assert metrics.registry.get_sample_value("autos_http_requests_total", labels) == 1


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("203.0.113.9", 0), "203.0.113.9"),
        (("::ffff:203.0.113.9", 4711), "203.0.113.9"),
        (("2001:DB8:0::1", 0), "2001:db8::1"),
        # Only what a trusted proxy may set.
        (("unknown", 0), "unknown"),
        (("x" * 5000, 0), "x" * 64),
    ],
)
def test_the_address_of_a_client_has_one_spelling(client: tuple[str, int], address: str) -> None:
    assert addresses(client) == {"address": address}


def test_a_client_on_a_unix_socket_has_no_address() -> None:
    assert addresses(None) == {}
