"""HTTP/1.0 has neither chunks nor persistent connections: a streamed response ends with its connection."""

import io
import zipfile

import pytest

from service.local.simulator import DocumentSpec
from tests.support.http.api import Api
from tests.support.http.raw_http import connect
from tests.support.portal import Portal


async def ask(api: Api, path: str, *, method: str = "GET", header: str = "") -> tuple[list[str], bytes]:
    """The head, and the bytes until the connection ends."""
    connection = await connect(int(api.base_url.rpartition(":")[2]))
    head = f"{method} {path} HTTP/1.0\r\nAuthorization: Bearer {api.api_key}\r\n{header}\r\n"
    await connection.send(head.encode())
    answer = await connection.ended()
    await connection.close()
    lines, _, body = answer.partition(b"\r\n\r\n")
    return lines.decode().lower().split("\r\n"), body


@pytest.mark.parametrize("header", ["", "Connection: keep-alive\r\n"])
async def test_events_end_with_the_connection(api: Api, portal: Portal, number: str, header: str) -> None:
    await portal.put_documents(number, DocumentSpec(count=1))
    await api.process(number)
    await api.ended(number)

    lines, body = await ask(api, f"/api/v1/processes/{number}/events", header=header)

    assert lines[0].endswith(" 200 ok")
    assert [line for line in lines if line.startswith(("connection:", "transfer-encoding:"))] == ["connection: close"]
    assert body.startswith(b"event: snapshot\r\n")
    assert b"event: completed\r\n" in body


async def test_archives_and_small_answers_are_whole(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(count=2))
    await api.process(number)
    await api.ended(number)

    lines, body = await ask(api, f"/api/v1/processes/{number}/archive")
    assert lines.count("connection: close") == 1
    assert zipfile.ZipFile(io.BytesIO(body)).testzip() is None

    for path in ("/health/live", "/docs", "/openapi.json", "/docs/assets/swagger-ui.css", "/nothing", "/metrics"):
        lines, body = await ask(api, path)
        (length,) = [int(line.split(" ")[1]) for line in lines if line.startswith("content-length:")]
        assert (len(body), lines.count("connection: close")) == (length, 1)
        assert not any(line.startswith("transfer-encoding") for line in lines)


async def test_head_of_a_stream_has_no_body(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(count=1))
    await api.process(number)
    await api.ended(number)

    lines, body = await ask(api, f"/api/v1/processes/{number}/events", method="HEAD")

    assert lines[0].endswith(" 200 ok")
    assert (body, sum(line.startswith("connection:") for line in lines)) == (b"", 1)


async def test_http_1_1_has_chunks_and_no_word_on_the_connection(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(count=1))
    await api.process(number)
    await api.ended(number)

    async with api.session.get(
        f"{api.base_url}/api/v1/processes/{number}/events", headers={"Authorization": f"Bearer {api.api_key}"}
    ) as answer:
        assert (answer.headers["Transfer-Encoding"], answer.headers.getall("Connection", [])) == ("chunked", [])
        assert b"event: completed" in await answer.read()
