"""Reads the portal's answer about a case back from the bucket: the exact bytes, or an exception."""

import hashlib
import zlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from service.database.cases.case_data import KeptListing
from service.exports.stored_files import UnreadableFile
from service.storage.object_store import ObjectStore
from service.storage.store_errors import StorageError

_PART_SIZE = 64 * 1024  # bytes that are decompressed at a time
_GZIP = 16 + zlib.MAX_WBITS


async def read_listing(store: ObjectStore, listing: KeptListing) -> AsyncGenerator[bytes, None]:
    """The answer as it was kept, decompressed. Raises `StorageError` before the first byte, and `UnreadableFile`.

    Wrong bytes may be detected only after the last of them, so the last part is held back until all are verified: what
    a caller has sent on is then shorter than `listing.size`.
    """
    digest, received, held = hashlib.sha256(), 0, b""
    async with aclosing(_decompressed(store, listing.key)) as parts:
        async for part in parts:
            received += len(part)
            if received > listing.size:
                raise UnreadableFile(f"{listing.key} is longer than what was stored")
            digest.update(part)
            if held:
                yield held
            held = part
    if received < listing.size or digest.hexdigest() != listing.sha256:
        raise UnreadableFile(f"{listing.key} is not what was stored")
    yield held


async def _decompressed(store: ObjectStore, key: str) -> AsyncGenerator[bytes, None]:
    decompressor = zlib.decompressobj(_GZIP)
    async with aclosing(_compressed(store, key)) as chunks:
        async for chunk in chunks:
            for part in _parts(decompressor, chunk, key):
                yield part


async def _compressed(store: ObjectStore, key: str) -> AsyncGenerator[bytes, None]:
    has_begun = False
    try:
        async with aclosing(store.read(key)) as chunks:
            async for chunk in chunks:
                has_begun = True
                yield chunk
    except StorageError as error:
        if not has_begun:
            raise
        raise UnreadableFile(f"{key}: {error}") from error


def _parts(decompressor: "zlib._Decompress", chunk: bytes, key: str) -> Iterator[bytes]:
    try:
        while part := decompressor.decompress(chunk, _PART_SIZE):
            yield part
            chunk = decompressor.unconsumed_tail
    except zlib.error:
        raise UnreadableFile(f"{key} is not compressed as it was stored") from None
