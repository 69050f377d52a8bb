"""How many slots there are, how long a request waits for one, and that none is ever lost."""

import asyncio

import pytest

from service.api.framework import download_slots
from service.api.framework.download_slots import DownloadSlots
from service.database.connection import UNREACHABLE


async def test_so_many_have_a_turn_at_a_time() -> None:
    crowd, at_work, most = DownloadSlots(3), set[int](), 0

    async def work(place: int) -> None:
        nonlocal most
        async with crowd.acquire():
            at_work.add(place)
            most = max(most, len(at_work))
            await asyncio.sleep(0)
            at_work.remove(place)

    await asyncio.gather(*(work(place) for place in range(20)))

    assert most == 3


async def test_who_waits_for_too_long_is_answered_like_one_who_finds_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crowd = DownloadSlots(1)
    async with crowd.acquire():
        monkeypatch.setattr(download_slots, "ACQUIRE_TIMEOUT", 0.0)
        with pytest.raises(UNREACHABLE):
            async with crowd.acquire():
                pass

    async with crowd.acquire():
        pass


async def test_who_gives_up_takes_no_place_along() -> None:
    crowd = DownloadSlots(1)

    async def work() -> None:
        async with crowd.acquire():
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(work()) for _ in range(3)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    async with asyncio.timeout(60), crowd.acquire():
        pass
