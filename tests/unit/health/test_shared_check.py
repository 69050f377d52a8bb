"""Checks that hang are given up in time, and do not pile up."""

import asyncio

import pytest

from service.health.shared_check import SharedCheck

SOON = 0.01  # seconds


class Dependency:
    """A dependency that responds when it is told to."""

    def __init__(self, *, ends_when_cancelled: bool = True) -> None:
        self.asked = 0
        self.under_way = 0
        self.answers = asyncio.Event()
        self._ends_when_cancelled = ends_when_cancelled

    async def ask(self) -> str:
        self.asked += 1
        self.under_way += 1
        try:
            await self.answers.wait()
        except asyncio.CancelledError:
            if not self._ends_when_cancelled:
                await self.answers.wait()
            raise
        finally:
            self.under_way -= 1
        return f"answer {self.asked}"


async def test_all_who_ask_at_the_same_time_share_one_question() -> None:
    dependency = Dependency()
    check = SharedCheck(dependency.ask)
    asking = [asyncio.create_task(check.answer()) for _ in range(5)]
    await asyncio.sleep(0)
    dependency.answers.set()

    assert await asyncio.gather(*asking) == ["answer 1"] * 5
    assert await check.answer() == "answer 2"


@pytest.mark.parametrize("ends_when_cancelled", [True, False])
async def test_what_hangs_is_given_up_and_asked_once_at_a_time(*, ends_when_cancelled: bool) -> None:
    dependency = Dependency(ends_when_cancelled=ends_when_cancelled)
    check = SharedCheck(dependency.ask, patience=SOON)

    for _ in range(5):
        with pytest.raises(TimeoutError):
            await check.answer()
        assert dependency.under_way <= 1

    assert (dependency.asked > 1) == ends_when_cancelled
    dependency.answers.set()
    await asyncio.sleep(SOON)
    assert (await check.answer()).startswith("answer ")


async def test_who_is_cancelled_leaves_the_question_to_the_others() -> None:
    dependency = Dependency()
    check = SharedCheck(dependency.ask)
    first, second = [asyncio.create_task(check.answer()) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})
    dependency.answers.set()

    assert await second == "answer 1"


async def test_a_failure_is_told_to_all_and_asked_again() -> None:
    failures = [OSError("away"), OSError("away")]

    async def ask() -> str:
        await asyncio.sleep(0)
        raise failures.pop()

    check = SharedCheck(ask)
    found = await asyncio.gather(check.answer(), check.answer(), return_exceptions=True)

    assert [type(each) for each in found] == [OSError, OSError]
    assert len(failures) == 1
