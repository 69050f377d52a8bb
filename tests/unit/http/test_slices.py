"""Large responses are built in slices: other requests run between two slices, and the bytes are the same."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from service.http.responses import json_response
from service.http.slices import SLICE_SIZE, Slices


class Part(msgspec.Struct):
    name: str


class Whole(msgspec.Struct):
    title: str
    documents: list[Part]
    rest: list[int]


@pytest.mark.parametrize("size", [0, 1, SLICE_SIZE, SLICE_SIZE + 1, 3 * SLICE_SIZE])
async def test_an_answer_in_slices_is_the_answer(size: int) -> None:
    whole = Whole("é", [Part(f"ação {place}, [{place}]") for place in range(size)], [1])

    response = await json_response(whole, Slices(), 202, {"ETag": "x"})

    assert response.body == msgspec.json.encode(whole)
    assert (response.status_code, response.headers["etag"]) == (202, "x")
    assert response.headers["cache-control"] == "no-store"


async def test_the_loop_turns_between_any_two_slices_however_many_answers_are_made() -> None:
    slices, turn = Slices(), 0
    seen: list[int] = []

    async def work(some: Sequence[int]) -> list[int]:
        assert len(some) <= SLICE_SIZE
        seen.append(turn)
        return list(some)

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    items = list(range(10 * SLICE_SIZE))
    results = await asyncio.gather(*(slices.run(work, items) for _ in range(10)))
    counting.cancel()

    assert results == [items] * 10
    assert len(seen) == 100
    assert len(set(seen)) == 100


async def test_large_answers_take_turns_and_a_small_one_waits_for_none() -> None:
    slices = Slices()
    order: list[str] = []

    async def make(name: str, size: int) -> None:
        async def work(some: Sequence[int]) -> Sequence[int]:
            order.append(name)
            return some

        await slices.run(work, list(range(size)))

    await asyncio.gather(make("first", 3 * SLICE_SIZE), make("second", 3 * SLICE_SIZE), make("small", SLICE_SIZE))

    assert [name for name in order if name != "small"] == ["first", "second"] * 3
    assert order.index("small") <= 1


async def test_an_answer_that_is_cancelled_gives_its_turn_back() -> None:
    slices = Slices()

    async def hang(_some: Sequence[int]) -> Sequence[int]:
        await asyncio.Event().wait()
        return ()

    async def work(some: Sequence[int]) -> Sequence[int]:
        return some

    items = list(range(2 * SLICE_SIZE))
    hanging = asyncio.create_task(slices.run(hang, items))
    waiting = asyncio.create_task(slices.run(work, items))
    await asyncio.sleep(0)
    hanging.cancel()

    assert await waiting == items
