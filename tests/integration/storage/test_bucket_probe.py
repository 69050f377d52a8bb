"""At the start and in `autos status` a probe object is written, read by a signed link, and deleted."""

import asyncio
import re
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from service.actions.bucket_tidying import remove_left_probes
from service.domain.environment.startup import StartupError
from service.domain.storage_keys import PROBES, probe_key
from service.startup.bucket import open_store
from service.storage.store_settings import StoreSettings
from tests.support.buckets import Bucket
from tests.support.servers.s3_proxy import RegionHint, S3Proxy, WireFault


async def start(settings: StoreSettings, *, is_strict: bool = False) -> None:
    async with open_store(settings, create_bucket=False, is_strict=is_strict):
        pass


async def test_processes_that_start_at_the_same_moment_leave_nothing(
    local_bucket: Bucket, proxied: StoreSettings, s3_proxy: S3Proxy
) -> None:
    async with AsyncExitStack() as opened:
        for each in [open_store(proxied, create_bucket=False) for _ in range(3)]:
            await opened.enter_async_context(each)
    await asyncio.gather(*(start(proxied, is_strict=True) for _ in range(4)))

    assert s3_proxy.seen.count("put") == 7
    assert await local_bucket.visible(PROBES) == []


@pytest.mark.parametrize("answer", [(403, "AccessDenied"), (400, "InvalidArgument"), (501, "NotImplemented")])
@pytest.mark.parametrize(
    ("method", "operation"),
    [("PUT", "PutObject"), ("GET", "GetObject by a signed link"), ("DELETE", "DeleteObject")],
)
async def test_what_is_refused_ends_the_start_with_operation_status_and_code(
    proxied: StoreSettings, s3_proxy: S3Proxy, method: str, operation: str, answer: tuple[int, str]
) -> None:
    status, code = answer
    s3_proxy.refuse(PROBES, status, code, method=method)

    with pytest.raises(StartupError, match=rf"S3_BUCKET: .*{re.escape(operation)} was answered {status} {code}"):
        await start(proxied)


async def test_a_store_that_fails_for_the_moment_is_told_by_status_and_starts(
    proxied: StoreSettings, s3_proxy: S3Proxy
) -> None:
    s3_proxy.refuse(PROBES, 507, "XMinioStorageFull", method="PUT")

    await start(proxied)
    with pytest.raises(StartupError, match="PutObject was answered 507 XMinioStorageFull"):
        await start(proxied, is_strict=True)


async def test_links_that_are_refused_without_a_word_end_the_start(proxied: StoreSettings, s3_proxy: S3Proxy) -> None:
    s3_proxy.want_region("sa-east-1", RegionHint.LINKS_ONLY)
    s3_proxy.tell_no_region()

    with pytest.raises(StartupError, match=r"S3_REGION: .*400 AuthorizationHeaderMalformed"):
        await start(proxied)


async def test_what_comes_back_is_compared(proxied: StoreSettings, s3_proxy: S3Proxy) -> None:
    s3_proxy.plan("put", WireFault.FLIPPED_BIT)

    with pytest.raises(StartupError, match="other bytes than it was given"):
        await start(proxied, is_strict=True)


async def test_what_a_killed_process_left_is_removed_after_a_day(local_bucket: Bucket) -> None:
    store, others = local_bucket.store, {f"{PROBES}somebody-elses", f"{PROBES}{'0' * 33}"}
    for key in {left := probe_key(), *others}:
        await store.put(key, [b"."], "text/plain")

    assert await remove_left_probes(store) == 0
    assert left in await local_bucket.visible(PROBES)
    await remove_left_probes(store, older_than=timedelta(minutes=-1))

    assert set(await local_bucket.visible(PROBES)) == others
    for key in others:
        await store.remove(key)
