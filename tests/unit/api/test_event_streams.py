"""The listener's backlog, and the stream that the server gets."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from starlette.types import Message, Scope

from service.api.progress.listeners import ChangeListener, Listener, Opening
from service.api.progress.stream import EventStream
from service.database.cases.processes import Overview, Process
from service.domain.events import Counts

SCOPE: Scope = {"type": "http", "method": "GET"}


def listener(*, backlog: int = 10) -> Listener:
    return Listener(b"key", lambda _: b"snapshot", backlog=backlog)


async def everything(of: Listener) -> bytes:
    return b" ".join([events async for events in of.taken() if events])


async def opening() -> Opening:
    nothing = Process(**dict.fromkeys(Process.__struct_fields__))  # type: ignore[arg-type]  # never looked at
    return Opening(Overview(nothing), Counts(0, 0, 0), msgspec.Raw(b"[]"))


async def test_a_stream_is_its_snapshot_then_the_looks_then_its_end() -> None:
    one = listener(backlog=100)

    one.begin(asyncio.create_task(opening()))
    one.send(b"first")
    one.send(b"second")
    one.finish()

    assert await everything(one) == b"snapshot first second"


def change_listener() -> ChangeListener:
    return ChangeListener(b"key", changed=b"changed", ended=b"ended")


async def test_a_listener_for_changes_begins_with_one_and_tells_many_as_one() -> None:
    one = change_listener()

    one.begin(None)
    one.send(b"any")
    one.send(b"other")
    taken = one.taken()
    assert await anext(taken) == b"changed"
    one.send(b"any")
    one.finish()

    assert [events async for events in taken if events] == [b"changed", b"ended"]


async def test_a_listener_for_changes_that_is_closed_is_not_told_that_the_work_ended() -> None:
    one = change_listener()

    one.begin(None)
    one.close()

    assert await everything(one) == b""


async def test_a_listener_that_goes_away_takes_the_snapshot_from_nobody() -> None:
    gate = asyncio.Event()

    async def signed() -> Opening:
        await gate.wait()
        return await opening()

    shared, leaves, stays = asyncio.create_task(signed()), listener(), listener()
    for one in (leaves, stays):
        one.begin(shared)
    stays.finish()
    taking = asyncio.create_task(everything(leaves))
    await asyncio.sleep(0)

    taking.cancel()
    gate.set()

    assert await everything(stays) == b"snapshot"


async def test_whoever_is_too_far_behind_is_closed_and_holds_nothing() -> None:
    slow = listener(backlog=10)
    for _ in range(2):
        slow.send(b"12345")

    slow.send(b"1")

    assert await everything(slow) == b""


async def test_a_look_larger_than_the_backlog_reaches_whoever_keeps_up() -> None:
    quick = listener(backlog=10)

    quick.send(b"x" * 100)
    quick.finish()

    assert await everything(quick) == b"x" * 100


async def test_what_was_sent_no_longer_counts_as_backlog() -> None:
    quick = listener(backlog=10)
    taken = quick.taken()
    for _ in range(5):
        quick.send(b"12345678")
        assert await anext(taken) == b"12345678"
        assert await anext(taken) == b""

    quick.finish()

    with pytest.raises(StopAsyncIteration):
        await anext(taken)


class Client:
    """What uvicorn gives an application: a client that stays connected, and a `send` that keeps the response."""

    def __init__(self, *, is_deaf: bool = False) -> None:
        self.body = b""
        self.is_complete = False
        self.is_kept_alive = asyncio.Event()
        self._is_deaf = is_deaf

    async def receive(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError("never set")

    async def send(self, message: Message) -> None:
        body = message.get("body", b"")
        if body and self._is_deaf:
            await asyncio.Event().wait()
        self.body += body
        self.is_complete = message["type"] == "http.response.body" and not message["more_body"]
        if self.body.count(b": keep-alive\r\n\r\n") >= 2:
            self.is_kept_alive.set()


async def test_a_silent_stream_is_kept_alive_by_comments() -> None:
    client = Client()

    async def silent() -> AsyncIterator[bytes]:
        yield b"event: snapshot\r\n\r\n"
        await client.is_kept_alive.wait()

    await EventStream(silent(), keep_alive=0.01)(SCOPE, client.receive, client.send)

    assert client.body.startswith(b"event: snapshot\r\n\r\n: keep-alive\r\n\r\n")
    assert client.is_complete


async def test_a_client_that_reads_nothing_is_cut_off_and_its_place_is_given_back() -> None:
    is_given_back = False

    async def events() -> AsyncIterator[bytes]:
        nonlocal is_given_back
        try:
            yield b"event: progress\r\n\r\n"
        finally:
            is_given_back = True

    client = Client(is_deaf=True)

    await EventStream(events(), send_timeout=0.01)(SCOPE, client.receive, client.send)

    assert is_given_back
    assert not client.is_complete


async def test_a_head_request_gets_one_whole_answer_and_starts_no_stream() -> None:
    sent: list[Message] = []

    async def events() -> AsyncIterator[bytes]:
        pytest.fail("started")
        yield b""  # type: ignore[unreachable]  # makes it a generator

    async def send(message: Message) -> None:
        sent.append(message)

    await EventStream(events())({**SCOPE, "method": "HEAD"}, Client().receive, send)

    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert not sent[1]["body"]
