"""Bodies that never come to an end, and the media types that they may have."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from service.api import bodies
from service.api.problems import Problem


def request(*messages: Message, media_type: bytes = b"application/json") -> Request[Any]:
    """With a client that sends these and then nothing."""
    headers = [(b"content-type", media_type), (b"content-length", b"10")]
    remaining = list(messages)

    async def receive() -> Message:
        if not remaining:
            await asyncio.Event().wait()
        return remaining.pop(0)

    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_TIMEOUT", 0.01)

    with pytest.raises(Problem) as refusal:
        await bodies.json_bytes(request({"type": "http.request", "body": b"{", "more_body": True}))

    assert (refusal.value.status, refusal.value.code) == (408, "request_timeout")
    assert refusal.value.headers["Connection"] == "close"


async def test_a_client_that_hangs_up_is_no_crash() -> None:
    with pytest.raises(Problem) as refusal:
        await bodies.json_bytes(request({"type": "http.disconnect"}))

    assert refusal.value.code == "http_error"


@pytest.mark.parametrize(
    "media_type", [b"application/json", b"Application/JSON; charset=utf-8", b"application/problem+json"]
)
async def test_every_media_type_of_json_is_read(media_type: bytes) -> None:
    message = {"type": "http.request", "body": b"{}", "more_body": False}

    assert await bodies.json_bytes(request(message, media_type=media_type)) == b"{}"


@pytest.mark.parametrize("media_type", [b"", b"text/plain", b"text/json", b"image/svg+json", b"application/jsonp"])
async def test_any_other_media_type_is_refused(media_type: bytes) -> None:
    with pytest.raises(Problem) as refusal:
        await bodies.json_bytes(request({"type": "http.request", "body": b"{}"}, media_type=media_type))

    assert (refusal.value.status, refusal.value.code) == (415, "unsupported_media_type")
