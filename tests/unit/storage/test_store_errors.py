"""How long a call to the object store may take, and the message if it takes too long."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from service.storage.store_errors import STORE_STALL_TIMEOUT, StorageError, storage_errors
from service.storage.store_upload import PartBody
from tests.support.loop_clock import LoopClock, running_loop_clock

TIMEOUT = 120.0
LATE = "the object store failed: UploadPart had no answer in time"


@pytest.fixture
async def clock() -> AsyncIterator[LoopClock]:
    with running_loop_clock() as running:
        yield running


async def pass_by(clock: LoopClock, seconds: float) -> None:
    """Let time pass in steps, so that waiting tasks run after each step."""
    for _ in range(int(seconds)):
        clock.put_forward(1)
        await asyncio.sleep(0)


async def send(clock: LoopClock, *pauses: float) -> None:
    """A body of one chunk for each pause that follows it."""
    async with storage_errors(TIMEOUT, "UploadPart", stall=STORE_STALL_TIMEOUT) as moved:
        body = PartBody([b"x"] * len(pauses), moved)
        for pause in pauses:
            await anext(aiter(body))
            await pass_by(clock, pause)


async def test_a_body_that_moves_may_take_longer(clock: LoopClock) -> None:
    await send(clock, *[STORE_STALL_TIMEOUT - 1] * 3)


@pytest.mark.parametrize(
    "pauses", [[STORE_STALL_TIMEOUT - 1] * 5, [1, STORE_STALL_TIMEOUT + 1], [STORE_STALL_TIMEOUT + 1]]
)
async def test_a_body_that_moves_for_ever_or_no_more_ends(clock: LoopClock, pauses: list[float]) -> None:
    with pytest.raises(StorageError, match=LATE):
        await send(clock, *pauses)


async def test_what_has_no_stall_may_be_silent(clock: LoopClock) -> None:
    async with storage_errors(TIMEOUT, "CompleteMultipartUpload"):
        await pass_by(clock, TIMEOUT - 1)


async def test_a_body_that_is_sent_for_longer_than_its_caller_waits_is_no_error() -> None:
    async with storage_errors(TIMEOUT, "UploadPart", stall=STORE_STALL_TIMEOUT) as moved:
        pass
    assert [bytes(each) async for each in PartBody([b"x"], moved)] == [b"x"]
