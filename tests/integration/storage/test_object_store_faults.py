"""The object store behind a failing proxy: what is retried, what is reported, and that nothing is left behind."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from service.storage.object_store import ABORT_TIMEOUT, ObjectStore
from service.storage.store_errors import STORE_STALL_TIMEOUT, StorageError
from service.storage.store_upload import PART_SIZE
from tests.support.buckets import Bucket
from tests.support.loop_clock import LoopClock, running_loop_clock
from tests.support.servers.s3_proxy import S3Proxy, WireFault, running_s3_proxy

PDF = "application/pdf"
FIRST, LAST = [b"a" * PART_SIZE], [b"b" * 1000]
WHOLE = b"".join([*FIRST, *LAST])
ALL_ATTEMPTS = 4
CALL_TIMEOUT = 50.0  # seconds; under those of botocore, which would try again


@pytest.fixture(scope="module")
async def proxy(bucket: Bucket) -> AsyncIterator[S3Proxy]:
    """The proxy between the stores under test and their server."""
    async with running_s3_proxy(bucket.settings.endpoint_url or "") as running:
        yield running


@pytest.fixture(scope="module")
async def store(bucket: Bucket, proxy: S3Proxy) -> AsyncIterator[ObjectStore]:
    """A store on the bucket, behind the proxy."""
    async with bucket.reopened(endpoint_url=proxy.url, call_timeout=CALL_TIMEOUT) as opened:
        yield opened


@pytest.fixture
async def clock() -> AsyncIterator[LoopClock]:
    """The clock of the store's timeouts."""
    with running_loop_clock() as running:
        yield running


@dataclass(frozen=True)
class Rig:
    """A key, a store behind a proxy, its clock, and the bucket without the proxy."""

    key: str
    store: ObjectStore
    wire: S3Proxy
    clock: LoopClock
    bucket: Bucket

    async def upload(self) -> None:
        """Store an object of two parts under the key."""
        async with self.store.start_upload(self.key, PDF) as begun:
            await begun.put_part(FIRST)
            await begun.put_part(LAST)
            await begun.complete()

    async def cancelled_upload(self, operation: str) -> asyncio.Task[None]:
        """An upload whose task was cancelled during a call of this kind."""
        uploading = asyncio.create_task(self.upload())
        await self.wire.until(operation, self.wire.seen)
        uploading.cancel()
        return uploading

    async def until_given_up(self, operation: str) -> None:
        """Let a call of this kind hang until its caller gives up."""
        await self.wire.until(operation, self.wire.seen)
        self.clock.put_forward(CALL_TIMEOUT if operation == "complete" else STORE_STALL_TIMEOUT)

    async def is_clean(self) -> bool:
        """True if there is neither an object under the key nor an open upload."""
        return await self.bucket.is_empty(self.key)


@pytest.fixture
def rig(key: str, store: ObjectStore, proxy: S3Proxy, clock: LoopClock, bucket: Bucket) -> Rig:
    """A rig without the faults of the previous test."""
    proxy.reset()
    return Rig(key, store, proxy, clock, bucket)


@pytest.mark.parametrize("fault", [WireFault.ERROR_500, WireFault.DROPPED])
async def test_a_small_object_survives_one_failure(rig: Rig, fault: WireFault) -> None:
    rig.wire.plan("put", fault)

    await rig.store.put(rig.key, [b"first", b"second"], PDF)

    assert rig.wire.seen.count("put") == 2
    assert await rig.bucket.read(rig.key) == b"firstsecond"


@pytest.mark.parametrize("fault", [WireFault.ERROR_500, WireFault.DROPPED])
@pytest.mark.parametrize("operation", ["create", "part", "complete"])
async def test_a_large_object_survives_one_failure(rig: Rig, operation: str, fault: WireFault) -> None:
    rig.wire.plan(operation, fault)

    await rig.upload()

    assert await rig.bucket.read(rig.key) == WHOLE
    assert await rig.bucket.open_uploads(rig.key) == []


async def test_a_connection_that_the_server_closed_meanwhile_is_replaced(rig: Rig) -> None:
    await rig.store.put(rig.key, [b"opens a connection"], PDF)
    rig.wire.plan("put", WireFault.DROPPED, WireFault.DROPPED)

    await rig.store.put(rig.key, [b"again"], PDF)

    assert await rig.bucket.read(rig.key) == b"again"


@pytest.mark.parametrize("operation", ["create", "part", "complete"])
async def test_a_large_object_that_keeps_failing_leaves_nothing(rig: Rig, operation: str) -> None:
    rig.wire.plan(operation, *[WireFault.ERROR_500] * ALL_ATTEMPTS)

    uploading = asyncio.create_task(rig.upload())
    await rig.until_given_up(operation)
    with pytest.raises(StorageError):
        await uploading

    assert await rig.is_clean()


@pytest.mark.parametrize("operation", ["create", "part", "complete"])
async def test_a_server_that_hangs_ends_in_a_storage_error_and_leaves_nothing(rig: Rig, operation: str) -> None:
    rig.wire.plan(operation, WireFault.NOT_PASSED_ON)

    uploading = asyncio.create_task(rig.upload())
    await rig.until_given_up(operation)
    with pytest.raises(StorageError, match="TimeoutError"):
        await uploading

    assert await rig.is_clean()


async def test_a_server_that_hangs_on_a_small_object_ends_in_a_storage_error(rig: Rig) -> None:
    rig.wire.plan("put", WireFault.NOT_PASSED_ON)

    putting = asyncio.create_task(rig.store.put(rig.key, [b"x"], PDF))
    await rig.until_given_up("put")
    with pytest.raises(StorageError, match="TimeoutError"):
        await putting

    assert await rig.is_clean()


async def test_a_server_that_hangs_on_everything_does_not_hold_the_caller(rig: Rig) -> None:
    rig.wire.plan("part", WireFault.NOT_PASSED_ON)
    rig.wire.plan("abort", WireFault.NOT_PASSED_ON)

    uploading = asyncio.create_task(rig.upload())
    for operation in ("part", "abort"):
        await rig.until_given_up(operation)
    with pytest.raises(StorageError):
        await uploading


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
@pytest.mark.parametrize("operation", ["create", "part", "complete"])
@pytest.mark.parametrize("fault", [WireFault.WEB_PAGE, WireFault.EMPTY_200])
async def test_an_answer_that_says_nothing_is_a_storage_error(rig: Rig, operation: str, fault: WireFault) -> None:
    rig.wire.plan(operation, *[fault] * ALL_ATTEMPTS)

    with pytest.raises(StorageError):
        await rig.upload()


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
@pytest.mark.parametrize("fault", [WireFault.WEB_PAGE, WireFault.EMPTY_200])
async def test_a_small_object_of_which_an_answer_says_nothing_is_not_taken_for_stored(
    rig: Rig, fault: WireFault
) -> None:
    rig.wire.plan("put", *[fault] * ALL_ATTEMPTS)

    with pytest.raises(StorageError):
        await rig.store.put(rig.key, [b"document"], PDF)


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
async def test_a_store_that_gives_no_receipts_is_asked_for_the_object(rig: Rig) -> None:
    rig.wire.plan("put", WireFault.NO_RECEIPT)

    await rig.store.put(rig.key, [b"document"], PDF)

    assert await rig.bucket.visible(rig.key) == [rig.key]


@pytest.mark.parametrize("s3", ["ministack"], indirect=True)
async def test_a_flipped_bit_in_a_small_object_is_refused(rig: Rig) -> None:
    rig.wire.plan("put", *[WireFault.FLIPPED_BIT] * ALL_ATTEMPTS)

    with pytest.raises(StorageError):
        await rig.store.put(rig.key, [b"document"], PDF)

    assert await rig.is_clean()


@pytest.mark.parametrize("s3", ["ministack"], indirect=True)
async def test_a_flipped_bit_in_a_part_is_refused(rig: Rig) -> None:
    rig.wire.plan("part", WireFault.NONE, *[WireFault.FLIPPED_BIT] * ALL_ATTEMPTS)

    with pytest.raises(StorageError):
        await rig.upload()

    assert "complete" not in rig.wire.seen
    assert await rig.is_clean()


@pytest.mark.parametrize(("operation", "fault"), [("part", "NOT_PASSED_ON"), ("part", "HELD_BACK")])
async def test_a_cancelled_upload_leaves_nothing(rig: Rig, operation: str, fault: str) -> None:
    rig.wire.plan(operation, WireFault[fault])

    uploading = await rig.cancelled_upload(operation)
    with pytest.raises(asyncio.CancelledError):
        await uploading

    assert await rig.is_clean()


async def test_an_upload_that_is_cancelled_before_its_name_arrived_leaves_nothing(rig: Rig) -> None:
    rig.wire.plan("create", WireFault.HELD_BACK)

    uploading = await rig.cancelled_upload("create")
    rig.wire.release()
    with pytest.raises(asyncio.CancelledError):
        await uploading

    assert rig.wire.seen[-2:] == ["create", "abort"]
    assert await rig.is_clean()


async def test_a_second_cancellation_does_not_stop_the_abort(rig: Rig) -> None:
    rig.wire.plan("part", WireFault.NOT_PASSED_ON)
    rig.wire.plan("abort", WireFault.DELAYED)

    uploading = await rig.cancelled_upload("part")
    await rig.wire.until("abort", rig.wire.seen)
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading
    rig.wire.release()
    await rig.wire.until("abort", rig.wire.served)

    assert await rig.is_clean()


async def test_a_cancelled_small_object_is_not_visible(rig: Rig) -> None:
    rig.wire.plan("put", WireFault.NOT_PASSED_ON)
    putting = asyncio.create_task(rig.store.put(rig.key, [b"x"], PDF))
    await rig.wire.until("put", rig.wire.seen)

    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting

    assert await rig.is_clean()


async def test_a_store_that_hangs_while_an_object_is_discarded_fails_nothing(rig: Rig) -> None:
    rig.wire.plan("other", WireFault.NOT_PASSED_ON)

    discarding = asyncio.create_task(rig.store.discard(rig.key))
    await rig.wire.until("other", rig.wire.seen)
    rig.clock.put_forward(ABORT_TIMEOUT)

    await discarding
