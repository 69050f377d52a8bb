"""Reads of stored files from two real S3 servers, through a failing proxy."""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec
import pytest

from service.domain.documents import StoredFile
from service.exports import stored_files
from service.exports.stored_files import UnreadableFile, crc32_of, read_verified
from service.storage.object_store import READ_CONCURRENCY, ObjectStore
from service.storage.s3_client import STORE_CONNECTIONS
from tests.support.buckets import Bucket
from tests.support.servers.tcp_proxy import TcpProxy, running_tcp_proxy

PDF = "application/pdf"
MIB = 1024 * 1024
SMALL = b"%PDF-1.7 small"
LARGE = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(MIB // 2))  # 16 MiB, none of it twice


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once."""
    monkeypatch.setattr(stored_files, "FIRST_DELAY", 0.01)


@pytest.fixture
async def wire(bucket: Bucket) -> AsyncIterator[tuple[TcpProxy, str]]:
    """The proxy between the store under test and its server."""
    async with running_tcp_proxy(bucket.settings.endpoint_url or "") as running:
        yield running


@pytest.fixture
def proxy(wire: tuple[TcpProxy, str]) -> TcpProxy:
    """A proxy that a test may cut."""
    return wire[0]


@pytest.fixture
async def store(bucket: Bucket, wire: tuple[TcpProxy, str]) -> AsyncIterator[ObjectStore]:
    """A store behind the proxy."""
    async with bucket.reopened(endpoint_url=wire[1], call_timeout=20.0) as opened:
        yield opened


async def stored(bucket: Bucket, key: str, content: bytes) -> StoredFile:
    await bucket.store.put(key, [content], PDF)
    return StoredFile(key, len(content), hashlib.sha256(content).hexdigest(), PDF)


async def read(store: ObjectStore, file: StoredFile) -> bytes:
    return b"".join([chunk async for chunk in read_verified(store, file)])


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_what_was_stored_comes_back(bucket: Bucket, store: ObjectStore, key: str, content: bytes) -> None:
    assert await read(store, await stored(bucket, key, content)) == content


async def test_a_read_that_is_cut_goes_on_where_it_was(
    bucket: Bucket, store: ObjectStore, proxy: TcpProxy, key: str
) -> None:
    file = await stored(bucket, key, LARGE)
    proxy.slow_down(40 * MIB)
    received = bytearray()

    async with aclosing(read_verified(store, file)) as chunks:
        async for chunk in chunks:
            received += chunk
            if proxy.cuts < 5 and len(received) > proxy.cuts * 2 * MIB:
                proxy.cut()

    assert proxy.cuts == 5
    assert hashlib.sha256(received).hexdigest() == file.sha256


async def test_a_store_that_is_away_for_a_moment_is_waited_for(
    bucket: Bucket, store: ObjectStore, proxy: TcpProxy, key: str
) -> None:
    file = await stored(bucket, key, LARGE)
    proxy.slow_down(40 * MIB)
    received = bytearray()

    async with aclosing(read_verified(store, file)) as chunks:
        received += await anext(chunks)
        proxy.take_away()
        asyncio.get_running_loop().call_later(0.3, proxy.bring_back)
        async for chunk in chunks:
            received += chunk

    assert hashlib.sha256(received).hexdigest() == file.sha256


async def test_a_store_that_stays_away_is_given_up(
    bucket: Bucket, store: ObjectStore, proxy: TcpProxy, key: str
) -> None:
    file = await stored(bucket, key, LARGE)
    proxy.slow_down(40 * MIB)

    async with aclosing(read_verified(store, file)) as chunks:
        received = len(await anext(chunks))
        proxy.take_away()
        with pytest.raises(UnreadableFile, match=key):
            received += sum([len(chunk) async for chunk in chunks])

    assert received < len(LARGE)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (LARGE[:-1], "shorter"),
        (LARGE + b"x", "longer"),
        (LARGE[:-1] + b"x", "not what was stored"),
    ],
    ids=["shorter", "longer", "another"],
)
async def test_an_object_that_is_not_what_was_stored_is_refused(
    bucket: Bucket, store: ObjectStore, key: str, now: bytes, reason: str
) -> None:
    file = await stored(bucket, key, LARGE)
    await stored(bucket, key, now)

    with pytest.raises(UnreadableFile, match=reason):
        await read(store, file)


async def test_a_file_has_the_checksum_that_was_kept_of_it(bucket: Bucket, store: ObjectStore, key: str) -> None:
    file = await stored(bucket, key, LARGE)

    assert await crc32_of(store, file) == zlib.crc32(LARGE)
    assert await read(store, msgspec.structs.replace(file, crc32=zlib.crc32(LARGE))) == LARGE
    with pytest.raises(UnreadableFile, match="CRC-32"):
        await read(store, msgspec.structs.replace(file, crc32=1))


async def test_an_object_that_vanished_is_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(UnreadableFile, match="NoSuchKey"):
        await read(store, StoredFile(key, 1, hashlib.sha256(b"a").hexdigest(), PDF))


async def test_a_read_that_is_given_up_closes_its_connection_at_once(
    bucket: Bucket, store: ObjectStore, proxy: TcpProxy, key: str
) -> None:
    file = await stored(bucket, key, LARGE)
    proxy.slow_down(MIB)

    async with aclosing(read_verified(store, file)) as chunks:
        await anext(chunks)
        assert proxy.connections == 1

    async with asyncio.timeout(60):
        while proxy.connections:  # noqa: ASYNC110  (the proxy notices when the socket tells it)
            await asyncio.sleep(0.01)


async def test_readers_leave_connections_to_the_others(bucket: Bucket, store: ObjectStore, key: str) -> None:
    file = await stored(bucket, key, LARGE[:MIB])
    readers = [read_verified(store, file) for _ in range(STORE_CONNECTIONS)]
    beginnings = [asyncio.ensure_future(anext(each)) for each in readers]
    await asyncio.wait(beginnings[:READ_CONCURRENCY])

    await store.check()
    waiting = [each for each in beginnings if not each.done()]

    assert len(waiting) == STORE_CONNECTIONS - READ_CONCURRENCY
    for reader, beginning in zip(readers, beginnings, strict=True):
        assert LARGE.startswith(await beginning)
        await reader.aclose()
