"""The gate: the limit of open requests at the portal, and its pauses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from service.portal.gate import Gate


class Visitor:
    """A task that enters the gate and stays inside until it is told to leave."""

    def __init__(self, gate: Gate) -> None:
        self.is_inside = asyncio.Event()
        self._may_leave = asyncio.Event()
        self.task = asyncio.create_task(self._visit(gate))

    async def _visit(self, gate: Gate) -> None:
        async with gate.admitted():
            self.is_inside.set()
            await self._may_leave.wait()

    async def leave(self) -> None:
        self._may_leave.set()
        await self.task


@asynccontextmanager
async def visitors(gate: Gate, count: int) -> AsyncIterator[list[Visitor]]:
    """`count` tasks that enter in this order. They end with the block."""
    made = [Visitor(gate) for _ in range(count)]
    try:
        await settled()
        yield made
    finally:
        for one in made:
            one.task.cancel()
        await asyncio.gather(*(one.task for one in made), return_exceptions=True)


async def settled() -> None:
    """Wait until every task has gone as far as it can without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
async def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Advance the clock of the loop by some seconds. Nothing else advances it."""
    loop = asyncio.get_running_loop()
    now = loop.time()

    def put_forward(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(loop, "time", lambda: now)
    return put_forward


def inside(waiting: list[Visitor]) -> int:
    return sum(one.is_inside.is_set() for one in waiting)


async def test_no_more_than_the_limit_are_inside() -> None:
    gate = Gate(2)
    async with visitors(gate, 5) as five:
        assert (inside(five), gate.in_flight) == (2, 2)


async def test_who_leaves_makes_room_for_one() -> None:
    gate = Gate(2)
    async with visitors(gate, 4) as four:
        await four[0].leave()
        await settled()

        assert (inside(four), gate.in_flight) == (3, 2)


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, GeneratorExit])
async def test_a_failure_inside_gives_the_place_back(error: type[BaseException]) -> None:
    gate = Gate(1)
    with pytest.raises(error):
        async with gate.admitted():
            raise error

    async with visitors(gate, 1) as [one]:
        assert one.is_inside.is_set()


async def test_who_gives_up_waiting_takes_no_place() -> None:
    gate = Gate(1)
    async with visitors(gate, 3) as [first, second, third]:
        second.task.cancel()
        await settled()
        await first.leave()
        await settled()

        assert third.is_inside.is_set()
        assert gate.in_flight == 1


async def test_a_cancelled_visitor_gives_its_place_back() -> None:
    gate = Gate(1)
    async with visitors(gate, 2) as [first, second]:
        first.task.cancel()
        await settled()

        assert second.is_inside.is_set()


async def test_a_request_that_is_given_up_keeps_its_place_until_the_portal_has_noticed(
    pass_time: Callable[[float], None],
) -> None:
    gate = Gate(1, hang_up=0.25)
    async with visitors(gate, 2) as [first, second]:
        first.task.cancel()
        await settled()
        pass_time(0.24)
        await settled()
        assert not second.is_inside.is_set()

        pass_time(0.02)
        await settled()
        assert (second.is_inside.is_set(), gate.in_flight) == (True, 1)


async def test_a_higher_limit_lets_more_in_at_once() -> None:
    gate = Gate(1)
    async with visitors(gate, 4) as four:
        gate.set_limit(3)
        await settled()

        assert inside(four) == 3


async def test_a_lower_limit_lets_nobody_in_until_enough_have_left() -> None:
    gate = Gate(3)
    async with visitors(gate, 4) as four:
        gate.set_limit(1)
        await four[0].leave()
        await four[1].leave()
        await settled()
        assert not four[3].is_inside.is_set()

        await four[2].leave()
        await settled()
        assert four[3].is_inside.is_set()


async def test_a_pause_holds_everybody_back_and_then_lets_them_in(pass_time: Callable[[float], None]) -> None:
    gate = Gate(2)
    gate.pause(10)
    async with visitors(gate, 2) as both:
        pass_time(9.9)
        await settled()
        assert inside(both) == 0

        pass_time(0.2)
        await settled()
        assert inside(both) == 2


async def test_a_shorter_pause_does_not_cut_a_longer_one(pass_time: Callable[[float], None]) -> None:
    gate = Gate(1)
    gate.pause(10)
    gate.pause(1)
    async with visitors(gate, 1) as [one]:
        pass_time(9.9)
        await settled()

        assert not one.is_inside.is_set()


async def test_a_pause_that_begins_during_a_pause_is_kept_too(pass_time: Callable[[float], None]) -> None:
    gate = Gate(1)
    gate.pause(1)
    async with visitors(gate, 1) as [one]:
        gate.pause(10)
        pass_time(9.9)
        await settled()
        assert not one.is_inside.is_set()

        pass_time(0.2)
        await settled()
        assert one.is_inside.is_set()


async def test_a_pause_keeps_those_inside_where_they_are() -> None:
    gate = Gate(2)
    async with visitors(gate, 1) as [one]:
        gate.pause(3600)
        await one.leave()

        assert gate.in_flight == 0


async def test_who_gives_up_during_a_pause_blocks_nobody(pass_time: Callable[[float], None]) -> None:
    gate = Gate(1)
    gate.pause(10)
    async with visitors(gate, 2) as [first, second]:
        first.task.cancel()
        await settled()

        pass_time(10.1)
        await settled()
        assert second.is_inside.is_set()
        assert gate.in_flight == 1


async def test_the_limit_holds_while_many_come_and_go() -> None:
    gate, most = Gate(3), 0

    async def visit(number: int) -> None:
        nonlocal most
        async with gate.admitted():
            most = max(most, gate.in_flight)
            for _ in range(number % 4):
                await asyncio.sleep(0)

    tasks = [asyncio.create_task(visit(number)) for number in range(200)]
    for task in tasks[::7]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert (most, gate.in_flight) == (3, 0)
