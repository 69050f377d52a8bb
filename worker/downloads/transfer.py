"""Streams one document from the portal through the checks to the bucket: no disk, two parts in memory at most."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from service.domain.content_types import content_type
from service.domain.documents import StoredFile
from service.domain.file_names import safe_name
from service.portal.download import Download
from service.storage.object_store import ObjectStore
from service.storage.store_upload import PART_SIZE, Upload
from worker.downloads.inspection import Inspection, is_textual

# bytes; smaller chunks are joined: each chunk costs a system call, and wakes the object store up.
COALESCED = 256 * 1024
# bytes; a document up to this size releases its portal slot before it is stored. Larger ones keep it: if the bucket is
# slow, slots limit the memory of a worker.
HELD_WITHOUT_SLOT = 256 * 1024


async def transfer(
    download: Download, inspection: Inspection, store: ObjectStore, *, prefix: str, name: str
) -> StoredFile:
    """Stream a download into the bucket. `prefix`: the key without the file name, used by this attempt alone.

    The object exists only after `inspection` has accepted every byte. Raises what the download, the inspection and the
    store raise.
    """
    parts = _Parts(inspection.watch(download.chunks()))
    await parts.read()
    mime_type = inspection.detect_kind(download.content_type, download.content_length)
    charset = download.charset if is_textual(mime_type) else None
    key, header = f"{prefix}{safe_name(name, mime_type)}", content_type(mime_type, charset)
    if parts.is_last:
        flags = inspection.check_complete(download.content_length, is_framed=download.is_framed)
        if inspection.size <= HELD_WITHOUT_SLOT:
            await download.release()
        await store.put(key, parts.take(), header)
    else:
        async with store.start_upload(key, header) as upload:
            await _upload(upload, parts)
            flags = inspection.check_complete(download.content_length, is_framed=download.is_framed)
            await download.release()
            await upload.complete()
    return StoredFile(key, inspection.size, inspection.sha256, mime_type, flags, inspection.crc32, charset)


async def _upload(upload: Upload, parts: "_Parts") -> None:
    while not parts.is_last:
        # One part is sent while the next one is read: two in memory, never three.
        await _both(upload.put_part(parts.take()), parts.read())
    await upload.put_part(parts.take())


async def _both(first: Coroutine[Any, Any, None], second: Coroutine[Any, Any, None]) -> None:
    """Run both at once. If one fails, cancel the other, wait until it has ended, then raise the error."""
    tasks = [asyncio.create_task(first), asyncio.create_task(second)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in sorted(tasks, key=asyncio.Task.cancelled):
        task.result()


class _Parts:
    """Splits a stream into parts of `PART_SIZE` bytes; the last one may be shorter."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._part: list[bytes] = []
        self._small = bytearray()
        self._rest = b""  # of the chunk in which the last part ended
        self.is_last = False

    def take(self) -> list[bytes]:
        """Return the part that was read, and drop it here, so that its memory is free once it is sent."""
        part = [*self._part, bytes(self._small)]
        self._part = []
        self._small.clear()
        return part

    async def read(self) -> None:
        """Read the next part and the first bytes after it, which show whether it is the last one."""
        missing = PART_SIZE
        chunk: bytes | None = self._rest
        while chunk is not None and len(chunk) <= missing:
            self._keep(chunk)
            missing -= len(chunk)
            chunk = await anext(self._chunks, None)
        self.is_last = chunk is None
        self._keep((chunk or b"")[:missing])
        self._rest = (chunk or b"")[missing:]

    def _keep(self, chunk: bytes) -> None:
        if len(self._small) + len(chunk) < COALESCED:
            self._small += chunk
        else:
            self._part += [bytes(self._small), chunk]
            self._small.clear()
