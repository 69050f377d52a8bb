"""How a transfer splits, buffers and gives up a stream, with a store and a download that keep nothing."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from service.portal.download import Download
from service.storage.object_store import ObjectStore
from service.storage.store_errors import StorageError
from service.storage.store_upload import PART_SIZE, Upload
from worker.downloads.inspection import Expected, Inspection
from worker.downloads.transfer import transfer

MIB = 1024 * 1024
NOTHING = Expected(None, None)


class Source(Download):
    """A download of `size` bytes in chunks of `step`, made one at a time."""

    def __init__(self, size: int, step: int) -> None:
        self._size = size
        self._step = step

    @property
    def content_type(self) -> str:
        return "video/mp4"

    @property
    def charset(self) -> str | None:
        return "UTF-8"

    @property
    def content_length(self) -> int | None:
        return self._size

    @property
    def is_framed(self) -> bool:
        return True

    async def release(self) -> None:
        """There is no portal."""

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, self._size, self._step):
            await asyncio.sleep(0)
            yield (start + 1).to_bytes(8, "big") + bytes(min(self._step, self._size - start))[8:]


class Sink(ObjectStore):
    """A store that keeps the size and the digest of each part, and may wait or fail at one of them."""

    def __init__(self, *, fails_at: int | None = None, waits_at: int | None = None) -> None:
        self.parts: list[tuple[int, str]] = []
        self.chunk_counts: list[int] = []
        self.named = ("", "")
        self.was_put = False
        self.was_completed = False
        self.waiting = asyncio.Event()
        self._fails_at = fails_at
        self._waits_at = waits_at

    async def put(self, key: str, chunks: Sequence[bytes], mime_type: str) -> None:
        self.was_put = True
        self.named = (key, mime_type)
        await self.take(chunks)

    @asynccontextmanager
    async def start_upload(self, key: str, mime_type: str) -> AsyncIterator[Upload]:
        self.named = (key, mime_type)
        yield SinkUpload(self)

    async def take(self, chunks: Sequence[bytes]) -> None:
        digest = hashlib.sha256()
        for chunk in chunks:
            digest.update(chunk)
            await asyncio.sleep(0)
        self.parts.append((sum(map(len, chunks)), digest.hexdigest()))
        self.chunk_counts.append(len(chunks))
        if len(self.parts) == self._fails_at:
            raise StorageError("no room")
        if len(self.parts) == self._waits_at:
            self.waiting.set()
            await asyncio.Event().wait()


class SinkUpload(Upload):
    """One upload into a sink."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    async def put_part(self, chunks: Sequence[bytes]) -> None:
        await self._sink.take(chunks)

    async def complete(self) -> None:
        self._sink.was_completed = True


async def run(source: Source, sink: Sink, inspection: Inspection | None = None) -> None:
    watching = inspection or Inspection(NOTHING, max_bytes=10**9)
    await transfer(source, watching, sink, prefix="f/1-", name="audiência")


async def expected_parts(source: Source) -> list[tuple[int, str]]:
    body = b"".join([chunk async for chunk in source.chunks()])
    parts = [body[start : start + PART_SIZE] for start in range(0, len(body), PART_SIZE)]
    return [(len(part), hashlib.sha256(part).hexdigest()) for part in parts]


@pytest.mark.parametrize("step", [1000, 65_536, 300_001, PART_SIZE, 3 * PART_SIZE])
@pytest.mark.parametrize("size", [1, 100, PART_SIZE - 1, PART_SIZE, PART_SIZE + 1, 3 * PART_SIZE, 3 * PART_SIZE + 77])
async def test_parts_are_whole_and_in_order_whatever_the_chunks(size: int, step: int) -> None:
    source, sink = Source(size, step), Sink()

    await run(source, sink)

    assert sink.named == ("f/1-audiencia.mp4", "video/mp4")
    assert sink.parts == await expected_parts(source)
    assert (sink.was_put, sink.was_completed) == ((True, False) if size <= PART_SIZE else (False, True))


async def test_many_small_chunks_are_kept_as_few_larger_ones() -> None:
    sink = Sink()

    await run(Source(PART_SIZE, 100), sink)

    assert sink.chunk_counts[0] <= 300


async def test_no_more_than_two_parts_are_in_memory() -> None:
    source, sink = Source(6 * PART_SIZE, 256 * 1024), Sink()

    tracemalloc.start()
    try:
        await run(source, sink)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2 * PART_SIZE + 2 * MIB


async def test_reading_stops_while_the_store_does_not_take_what_was_read() -> None:
    sink, inspection = Sink(waits_at=2), Inspection(NOTHING, max_bytes=10**9)
    running = asyncio.create_task(run(Source(10 * PART_SIZE, 256 * 1024), sink, inspection))
    await sink.waiting.wait()
    for _ in range(500):
        await asyncio.sleep(0)

    assert 3 * PART_SIZE <= inspection.size <= 3 * PART_SIZE + MIB
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_store_that_fails_stops_the_reading_at_once() -> None:
    sink, inspection = Sink(fails_at=1), Inspection(NOTHING, max_bytes=10**9)

    with pytest.raises(StorageError):
        await run(Source(10 * PART_SIZE, 1024), sink, inspection)

    assert inspection.size < 2 * PART_SIZE
    assert not sink.was_completed


async def test_nothing_is_running_when_a_transfer_was_cancelled() -> None:
    before, sink = asyncio.all_tasks(), Sink(waits_at=2)
    running = asyncio.create_task(run(Source(10 * PART_SIZE, 256 * 1024), sink))
    await sink.waiting.wait()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert asyncio.all_tasks() == before
    assert not sink.was_completed


class Page(Source):
    """A text, in one part or in several."""

    @property
    def content_type(self) -> str:
        return "text/html"

    async def chunks(self) -> AsyncIterator[bytes]:
        yield b"<p>"
        yield b" " * (self._size - 3)


@pytest.mark.parametrize("size", [100, 2 * PART_SIZE])
async def test_a_text_is_stored_with_its_charset(size: int) -> None:
    sink = Sink()

    await run(Page(size, size), sink, Inspection(Expected(size, "text/html"), max_bytes=10**9))

    assert sink.named == ("f/1-audiencia.html", "text/html; charset=UTF-8")
