"""A bucket whose policy requires encryption headers gets them on writes of objects, and on no other requests."""

import secrets
from datetime import timedelta

import msgspec
import pytest

from service.domain.storage_keys import STORAGE_PREFIX
from service.startup.bucket import open_store
from service.storage.object_store import open_object_store
from service.storage.store_errors import StorageError
from service.storage.store_settings import StoreSettings
from service.storage.store_upload import PART_SIZE
from tests.support.servers.s3_proxy import S3Proxy

KEY_ID = "arn:aws:kms:sa-east-1:123456789012:key/0123"
HEADER = "x-amz-server-side-encryption"
WANTED = [("AES256", None), ("aws:kms", None), ("aws:kms", KEY_ID), ("aws:kms:dsse", KEY_ID)]


@pytest.mark.parametrize(("method", "key_id"), WANTED)
@pytest.mark.parametrize("knows_no_checksums", [False, True])
async def test_every_write_has_the_headers_that_the_policy_wants(
    proxied: StoreSettings, s3_proxy: S3Proxy, method: str, key_id: str | None, *, knows_no_checksums: bool
) -> None:
    key = f"{STORAGE_PREFIX}{secrets.token_hex(8)}"
    s3_proxy.knows_no_checksums = knows_no_checksums
    s3_proxy.wanted_encryption = {HEADER: method} | ({f"{HEADER}-aws-kms-key-id": key_id} if key_id else {})
    encrypting = msgspec.structs.replace(proxied, encryption=method, kms_key_id=key_id)

    async with open_store(encrypting, create_bucket=False) as store:
        await store.put(key, [b"small"], "text/plain")
        async with store.start_upload(key + "2", "text/plain") as upload:
            await upload.put_part([b"a" * PART_SIZE])
            await upload.put_part([b"b"])
            await upload.complete()
        assert [chunk async for chunk in store.read(key)] == [b"small"]
        assert await store.open_uploads(older_than=timedelta(0)) == []
        await store.remove(key)


async def test_without_the_setting_the_policy_denies_the_write(
    proxied: StoreSettings, s3_proxy: S3Proxy, key: str
) -> None:
    s3_proxy.wanted_encryption = {HEADER: "AES256"}

    async with open_object_store(proxied) as store:
        with pytest.raises(StorageError, match="PutObject was answered 403 AccessDenied"):
            await store.put(key, [b"small"], "text/plain")
