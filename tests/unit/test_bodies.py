"""Bodies that never come to an end."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from service.api import bodies
from service.api.problems import Problem

HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"10")]


def request(*messages: Message) -> Request[Any]:
    """With a client that sends these and then nothing."""
    remaining = list(messages)

    async def receive() -> Message:
        if not remaining:
            await asyncio.Event().wait()
        return remaining.pop(0)

    return Request({"type": "http", "method": "POST", "headers": HEADERS}, receive)


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
