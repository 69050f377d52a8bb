"""Refusals of a store: reported with its own error code, as those of one object or of the whole store."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from service.domain.environment.startup import StartupError
from service.startup.bucket import open_store
from service.storage.bucket_probe import refuses_alone
from service.storage.object_store import ObjectStore
from service.storage.store_errors import StorageError
from service.storage.store_upload import PART_SIZE
from tests.support.buckets import Bucket
from tests.support.servers.s3_proxy import S3Proxy, WireFault, running_s3_proxy

PDF = "application/pdf"
PARTS = [b"a" * PART_SIZE], [b"b" * 1000]


@pytest.fixture
async def proxy(bucket: Bucket) -> AsyncIterator[S3Proxy]:
    async with running_s3_proxy(bucket.settings.endpoint_url or "") as running:
        yield running


@pytest.fixture
async def store(bucket: Bucket, proxy: S3Proxy) -> AsyncIterator[ObjectStore]:
    async with bucket.reopened(endpoint_url=proxy.url) as opened:
        yield opened


async def upload(store: ObjectStore, key: str) -> None:
    async with store.start_upload(key, PDF) as begun:
        for part in PARTS:
            await begun.put_part(part)
        await begun.complete()


async def test_a_store_that_refuses_checksums_gets_none_from_then_on(
    bucket: Bucket, store: ObjectStore, proxy: S3Proxy, key: str
) -> None:
    proxy.knows_no_checksums = True

    await store.put(key, [b"first"], PDF)
    await store.put(key + "2", [b"second"], PDF)
    await upload(store, key + "3")

    assert proxy.seen.count("put") == 3
    assert (proxy.seen.count("create"), proxy.seen.count("part")) == (1, 2)
    assert [await bucket.read(each) for each in (key, key + "2")] == [b"first", b"second"]
    assert await bucket.read(key + "3") == b"".join(b"".join(part) for part in PARTS)


async def test_an_upload_finds_out_by_itself_that_checksums_are_refused(
    bucket: Bucket, store: ObjectStore, proxy: S3Proxy, key: str
) -> None:
    proxy.knows_no_checksums = True

    await upload(store, key)

    assert await bucket.read(key) == b"".join(b"".join(part) for part in PARTS)


async def test_a_store_that_refuses_checksums_where_parts_are_joined_gets_none(
    bucket: Bucket, store: ObjectStore, proxy: S3Proxy, key: str
) -> None:
    proxy.knows_no_checksum_elements = True

    await upload(store, key)

    assert proxy.seen.count("complete") == 2
    assert await bucket.read(key) == b"".join(b"".join(part) for part in PARTS)


@pytest.mark.parametrize("operation", ["put", "part"])
async def test_an_empty_receipt_is_none(store: ObjectStore, proxy: S3Proxy, key: str, operation: str) -> None:
    proxy.plan(operation, WireFault.BLANK_RECEIPT)

    with pytest.raises(StorageError):
        await (store.put(key, [b"x"], PDF) if operation == "put" else upload(store, key))


@pytest.mark.parametrize("operation", ["put", "part", "complete"])
async def test_an_error_with_status_200_is_an_error(
    bucket: Bucket, store: ObjectStore, proxy: S3Proxy, key: str, operation: str
) -> None:
    proxy.plan(operation, WireFault.ERROR_IN_200)

    await (store.put(key, [b"x"], PDF) if operation == "put" else upload(store, key))

    assert proxy.seen.count(operation) > proxy.served.count(operation)
    assert await bucket.visible(key) == [key]


@pytest.mark.parametrize("s3", ["ministack"], indirect=True)
async def test_without_crc32_a_flipped_bit_is_still_refused(
    bucket: Bucket, store: ObjectStore, proxy: S3Proxy, key: str
) -> None:
    proxy.knows_no_checksums = True
    await store.put(key, [b"first"], PDF)
    proxy.plan("put", *[WireFault.FLIPPED_BIT] * 4)

    with pytest.raises(StorageError):
        await store.put(key + "2", [b"second"], PDF)

    assert await bucket.visible(key) == [key]


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (400, "EntityTooLarge"), (413, "EntityTooLarge")])
async def test_one_object_that_is_refused_is_told_from_a_store_that_refuses_all(
    store: ObjectStore, proxy: S3Proxy, key: str, status: int, code: str
) -> None:
    proxy.refuse(key, status, code)
    with pytest.raises(StorageError, match=f"PutObject was answered {status} {code}") as error:
        await store.put(key, [b"x"], PDF)
    assert (error.value.status, error.value.code) == (status, code)
    assert "AKIA0" not in str(error.value)

    assert await refuses_alone(store, error.value)
    proxy.refuse("", status, code)
    assert not await refuses_alone(store, error.value)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, "SlowDown"),
        (403, "RequestTimeTooSkewed"),
        (404, "NoSuchBucket"),
        (400, "InvalidToken"),
        (400, "KMS.ThrottlingException"),
        (400, "ExpiredToken"),
        (409, "OperationAborted"),
        (507, "InsufficientStorage"),
    ],
)
async def test_what_passes_or_is_the_stores_own_is_no_refusal_of_an_object(
    store: ObjectStore, proxy: S3Proxy, key: str, status: int, code: str
) -> None:
    proxy.refuse(key, status, code)
    with pytest.raises(StorageError, match=code) as error:
        await store.put(key, [b"x"], PDF)

    assert not await refuses_alone(store, error.value)


@pytest.mark.parametrize("operation", ["create", "part", "complete"])
async def test_a_store_that_takes_no_parts_at_all_refuses_no_object_of_its_own(
    store: ObjectStore, proxy: S3Proxy, key: str, operation: str
) -> None:
    proxy.plan(operation, *[WireFault.ACCESS_DENIED] * 3)
    with pytest.raises(StorageError, match="AccessDenied") as error:
        await upload(store, key)

    assert not await refuses_alone(store, error.value)
    proxy.reset()
    assert await refuses_alone(store, error.value)


@pytest.mark.parametrize(
    ("status", "code", "line"),
    [
        (403, "RequestTimeTooSkewed", "the clock of this machine is wrong"),
        (403, "InvalidAccessKeyId", "refuses the credentials or denies the bucket"),
        (404, "NoSuchBucket", "the bucket does not exist"),
    ],
)
async def test_the_line_at_the_start_has_the_stores_own_word(
    bucket: Bucket, proxy: S3Proxy, status: int, code: str, line: str
) -> None:
    proxy.refuse("", status, code)
    settings = msgspec.structs.replace(bucket.settings, endpoint_url=proxy.url)

    with pytest.raises(StartupError, match=f"S3_BUCKET: .*{line}.*{status}.*{code}"):
        async with open_store(settings, create_bucket=False):
            pass
