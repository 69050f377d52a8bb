"""Links are signed for the region of the bucket, even if S3_REGION names another one."""

import secrets

import msgspec
import pytest

from service.domain.environment.startup import StartupError
from service.domain.storage_keys import STORAGE_PREFIX
from service.startup.bucket import open_store
from service.storage.store_settings import StoreSettings
from tests.support.buckets import Bucket
from tests.support.servers.s3_proxy import RegionHint, S3Proxy

REGION = "sa-east-1"
TELLING = [RegionHint.REDIRECT, RegionHint.HEADER, RegionHint.BODY, RegionHint.MESSAGE, RegionHint.LINKS_ONLY]


@pytest.mark.parametrize(("hint", "configured"), [*((hint, "us-east-1") for hint in TELLING), (TELLING[0], None)])
async def test_links_are_signed_for_the_region_of_the_bucket(
    local_bucket: Bucket, proxied: StoreSettings, s3_proxy: S3Proxy, hint: RegionHint, configured: str | None
) -> None:
    s3_proxy.want_region(REGION, hint)
    key = f"{STORAGE_PREFIX}{secrets.token_hex(8)}"

    async with open_store(msgspec.structs.replace(proxied, region=configured), create_bucket=False) as store:
        await store.put(key, [b"bytes"], "text/plain")
        status, _headers, body = await local_bucket.follow(await store.link(key, "x.txt", "text/plain"))

    assert (status, body, store.region) == (200, b"bytes", REGION)


async def test_a_public_endpoint_has_links_for_the_region_of_the_bucket(
    local_bucket: Bucket, proxied: StoreSettings, s3_proxy: S3Proxy, key: str
) -> None:
    s3_proxy.want_region(REGION, RegionHint.REDIRECT)
    public = msgspec.structs.replace(proxied, public_endpoint_url=s3_proxy.url.replace("127.0.0.1", "localhost"))

    async with open_store(public, create_bucket=False) as store:
        await store.put(key, [b"bytes"], "text/plain")
        link = await store.link(key, "x.txt", "text/plain")
        status, _headers, _body = await local_bucket.follow(link)

    assert (status, "localhost" in link) == (200, True)


async def test_a_bucket_of_another_region_that_is_not_told_refuses_the_start(
    proxied: StoreSettings, s3_proxy: S3Proxy
) -> None:
    s3_proxy.want_region(REGION, RegionHint.NONE)

    with pytest.raises(StartupError, match=r"S3_REGION: .*another region.*400 AuthorizationHeaderMalformed"):
        async with open_store(proxied, create_bucket=False):
            pass


@pytest.mark.parametrize("told", ["", "WNAM", "no region at all"])
async def test_a_store_that_takes_any_region_or_tells_a_strange_one_is_left_alone(
    local_bucket: Bucket, proxied: StoreSettings, s3_proxy: S3Proxy, key: str, told: str
) -> None:
    s3_proxy.tell_region(told, accepts="us-east-1")

    async with open_store(proxied, create_bucket=False) as store:
        await store.put(key, [b"bytes"], "text/plain")
        status, _headers, _body = await local_bucket.follow(await store.link(key, "x.txt", "text/plain"))

    assert (status, store.region) == (200, "us-east-1")


async def test_a_bucket_is_made_in_the_region_that_the_store_wants(proxied: StoreSettings, s3_proxy: S3Proxy) -> None:
    s3_proxy.want_region(REGION, RegionHint.HEADER)
    missing = msgspec.structs.replace(proxied, bucket=f"{proxied.bucket}-made")

    async with open_store(missing, create_bucket=True) as store:
        await store.check()

    assert store.region == REGION
