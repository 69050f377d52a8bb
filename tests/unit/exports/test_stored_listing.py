"""The portal's answer, read back from a bucket that can fail or have other bytes."""

import gzip
import hashlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest

from service.database.cases.case_data import KeptListing
from service.exports.stored_files import UnreadableFile
from service.exports.stored_listing import read_listing
from service.storage.object_store import ObjectStore
from service.storage.store_errors import StorageError

ANSWER = b'[{"numeroProcesso":"1"}]' + b" " * 3_000_000
KEPT = KeptListing("k", hashlib.sha256(ANSWER).hexdigest(), len(ANSWER), None, False, datetime(2026, 1, 1, tzinfo=UTC))


class Bucket:
    """Has one object, in chunks. Fails before the chunk `fails_at`."""

    def __init__(self, content: bytes, *, chunk: int = 1000, fails_at: int | None = None) -> None:
        self.chunks = [content[start : start + chunk] for start in range(0, len(content), chunk)]
        self.fails_at = fails_at

    async def read(self, _key: str, *, start: int = 0) -> AsyncGenerator[bytes, None]:
        """As `ObjectStore.read`."""
        for place, chunk in enumerate(self.chunks[start:]):
            if place == self.fails_at:
                raise StorageError("the object store failed")
            yield chunk


async def read(bucket: Bucket, **changes: Any) -> list[bytes]:
    listing = msgspec.structs.replace(KEPT, **changes)
    return [part async for part in read_listing(cast(ObjectStore, bucket), listing)]


@pytest.mark.parametrize("chunk", [1, 1000, 1_000_000])
async def test_the_bytes_come_back_in_small_parts(chunk: int) -> None:
    parts = await read(Bucket(gzip.compress(ANSWER), chunk=chunk))

    assert b"".join(parts) == ANSWER
    # Three megabytes of spaces are three kilobytes in the bucket.
    assert max(map(len, parts)) <= 64 * 1024


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        (gzip.compress(ANSWER), {"size": len(ANSWER) - 1}),
        (gzip.compress(ANSWER), {"size": len(ANSWER) + 1}),
        (gzip.compress(ANSWER), {"sha256": "0" * 64}),
        (gzip.compress(ANSWER)[:-200], {}),
        (b"not compressed", {}),
        (b"", {}),
    ],
)
async def test_other_bytes_are_noticed(content: bytes, changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableFile, match="k "):
        await read(Bucket(content), **changes)


async def test_a_bucket_that_is_away_is_told_from_one_that_fails_midway() -> None:
    with pytest.raises(StorageError):
        await read(Bucket(gzip.compress(ANSWER), fails_at=0))
    with pytest.raises(UnreadableFile, match="failed"):
        await read(Bucket(gzip.compress(ANSWER), fails_at=2))
