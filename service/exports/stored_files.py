"""Reads stored files back and verifies them: the exact bytes that were stored, or an exception."""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from service.domain.documents import StoredFile
from service.storage.object_store import ObjectStore
from service.storage.store_errors import StorageError

RESUMPTIONS = 3  # retries after failures in a row, without a byte received between them
FIRST_DELAY = 0.5  # seconds; it doubles


class UnreadableFile(Exception):
    """The object store does not return the bytes that were stored. The message names the object."""


class _Progress:
    """How much of a file was received, and whether it is what was stored."""

    def __init__(self, file: StoredFile) -> None:
        self.file = file
        self.received = 0  #: bytes
        self.is_whole = False
        self._digest = hashlib.sha256()
        self._crc32 = 0
        self._failures = 0  # since the last byte

    def add(self, chunk: bytes) -> None:
        self.received += len(chunk)
        if self.received > self.file.size:
            raise UnreadableFile(f"{self.file.key} is longer than what was stored")
        self._digest.update(chunk)
        if self.file.crc32 is not None:
            self._crc32 = zlib.crc32(chunk, self._crc32)
        self._failures = 0

    def end(self) -> None:
        if self.received < self.file.size:
            raise UnreadableFile(f"{self.file.key} is shorter than what was stored")
        if self._digest.hexdigest() != self.file.sha256:
            raise UnreadableFile(f"{self.file.key} is not what was stored")
        if self.file.crc32 not in {None, self._crc32}:
            raise UnreadableFile(f"{self.file.key} has another CRC-32 than was kept of it")
        self.is_whole = True

    async def bear(self, error: StorageError) -> None:
        """Wait before the next try. Raises `UnreadableFile` after `RESUMPTIONS` tries."""
        if self._failures == RESUMPTIONS:
            raise UnreadableFile(f"{self.file.key}: {error}") from error
        await asyncio.sleep(FIRST_DELAY * 2**self._failures)
        self._failures += 1


async def read_verified(store: ObjectStore, file: StoredFile) -> AsyncGenerator[bytes, None]:
    """The bytes of a file. A read that fails is resumed after the last byte received. Raises `UnreadableFile`.

    Wrong bytes may be detected only after the last of them: a caller that sends them on must be able to abort.
    """
    progress = _Progress(file)
    while not progress.is_whole:
        async with aclosing(_read_on(store, progress)) as chunks:
            async for chunk in chunks:
                yield chunk


async def crc32_of(store: ObjectStore, file: StoredFile) -> int:
    """Read a file to compute its CRC-32, which earlier versions did not store. Raises `UnreadableFile`."""
    value = 0
    async with aclosing(read_verified(store, file)) as chunks:
        async for chunk in chunks:
            value = zlib.crc32(chunk, value)
    return value


async def _read_on(store: ObjectStore, progress: _Progress) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(store.read(progress.file.key, start=progress.received)) as chunks:
            async for chunk in chunks:
                progress.add(chunk)
                yield chunk
    except StorageError as error:
        await progress.bear(error)
    else:
        progress.end()
