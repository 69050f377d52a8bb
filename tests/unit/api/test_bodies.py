"""Bodies that never end, and the media types of bodies."""

import asyncio
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.types import Message

from service.api.framework import bodies
from service.http.problems import Problem


def request(*messages: Message, media_type: bytes = b"application/json") -> Request[Any]:
    """A request of a client that sends these messages and then nothing."""
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


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    number: str
    note: str | None = None


class Lenient(msgspec.Struct):
    number: str


@pytest.mark.parametrize(
    "body",
    [
        b'{"number": "1", "number": "2"}',
        b'{"number": "1", "note": null, "number": "1"}',
        b'{"number": "number", "number" : "1"}',
    ],
)
def test_a_member_that_is_given_twice_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(Problem) as refusal:
        bodies.decoded(body, Wanted)

    assert (refusal.value.code, [error.field for error in refusal.value.errors]) == ("invalid_body", ["number"])


@pytest.mark.parametrize("other", [b"9" * 5000, b"[" * 990 + b"]" * 990])
def test_members_are_counted_whatever_stands_beside_them(other: bytes) -> None:
    with pytest.raises(Problem) as refusal:
        bodies.decoded(b'{"number": "1", "number": "2", "other": %b}' % other, Lenient)

    assert refusal.value.status == 400


def test_a_value_may_read_like_the_name_of_a_member() -> None:
    assert bodies.decoded(b'{"number": "number", "note": "note"}', Wanted) == Wanted("number", "note")


def test_a_byte_order_mark_before_the_body_is_left_out() -> None:
    assert bodies.decoded(b'\xef\xbb\xbf{"number": "1"}', Wanted) == Wanted("1")
    assert bodies.decoded(b"\xef\xbb\xbf", bodies.NoBody) == bodies.NoBody()


async def test_a_compressed_body_is_refused_as_such() -> None:
    compressed = request({"type": "http.request", "body": b"\x1f\x8b"})
    compressed.scope["headers"].append((b"content-encoding", b"gzip"))

    with pytest.raises(Problem, match="without Content-Encoding") as refusal:
        await bodies.json_bytes(compressed)

    assert refusal.value.status == 415
