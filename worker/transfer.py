"""One document: portal, checks, object store. One pass, nothing on disk, two parts in memory at most."""

import asyncio
from collections.abc import AsyncIterator

from service.domain.documents import StoredFile
from service.domain.file_names import safe_name
from service.object_store import PART_SIZE, ObjectStore, Upload
from service.portal.download import Download
from worker.inspection import Inspection

Part = list[bytes]


async def transfer(
    download: Download, inspection: Inspection, store: ObjectStore, *, folder: str, name: str, revision: int
) -> StoredFile:
    """Stream a download into the object store below `folder`.

    Nothing is visible under the key before `inspection` has seen every byte and agreed. Raises what the download,
    the inspection and the store raise.
    """
    parts = _parts(inspection.watch(download.chunks()))
    first: Part = await anext(parts, [])
    mime_type = inspection.judge_kind(download.content_type)
    key = f"{folder}/{safe_name(name, mime_type, revision)}"
    second = await anext(parts, None)
    if second is None:
        mismatch = inspection.judge_whole(download.content_length)
        await store.put(key, first, mime_type)
    else:
        async with await store.start_upload(key, mime_type) as upload:
            await _upload(upload, first, second, parts)
            mismatch = inspection.judge_whole(download.content_length)
            await upload.complete()
    return StoredFile(key, inspection.size, inspection.sha256, mime_type, size_mismatch=mismatch)


async def _upload(upload: Upload, first: Part, second: Part, parts: AsyncIterator[Part]) -> None:
    await upload.put_part(first)
    part: Part | None = second
    while part is not None:
        part = await _send_and_read(upload, part, parts)


async def _send_and_read(upload: Upload, part: Part, parts: AsyncIterator[Part]) -> Part | None:
    """Read the next part while this one is sent: two in memory, never three."""
    sending = asyncio.create_task(upload.put_part(part))
    try:
        following = await anext(parts, None)
        await sending
    finally:
        sending.cancel()
        await asyncio.wait([sending])
    return following


async def _parts(chunks: AsyncIterator[bytes]) -> AsyncIterator[Part]:
    """Cut a stream into parts of `PART_SIZE` bytes, the last one shorter. An empty stream has none."""
    part: Part = []
    missing = PART_SIZE
    async for chunk in chunks:
        rest = chunk
        while len(rest) >= missing:
            yield [*part, rest[:missing]]
            part, rest, missing = [], rest[missing:], PART_SIZE
        if rest:
            part.append(rest)
            missing -= len(rest)
    if part:
        yield part
