"""A bucket of a real S3 server: the service's own store on it, and questions that only tests ask."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aioboto3
import aiohttp
import msgspec
from botocore.exceptions import ClientError

from service.storage.object_store import ObjectStore, open_object_store
from service.storage.store_settings import StoreSettings

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client


class Bucket:
    """One bucket. `store` is the store that the service uses."""

    def __init__(self, settings: StoreSettings, store: ObjectStore, client: "S3Client") -> None:
        self.settings = settings
        self.store = store
        self._client = client

    async def visible(self, prefix: str = "") -> list[str]:
        """The keys of the readable objects that begin with `prefix`."""
        answer = await self._client.list_objects_v2(Bucket=self.settings.bucket, Prefix=prefix)
        return [each.get("Key", "") for each in answer.get("Contents", [])]

    async def open_uploads(self, prefix: str = "") -> list[str]:
        """The keys of the uploads that were neither completed nor aborted."""
        try:
            answer = await self._client.list_multipart_uploads(Bucket=self.settings.bucket)
        except self._client.exceptions.NoSuchUpload:
            return []  # rclone, where there never was one
        return [each.get("Key", "") for each in answer.get("Uploads", []) if each.get("Key", "").startswith(prefix)]

    async def is_empty(self, prefix: str = "") -> bool:
        """True if there is neither an object nor an open upload."""
        return not await self.visible(prefix) and not await self.open_uploads(prefix)

    async def read(self, key: str) -> bytes | None:
        """The bytes under a key; None if there is no such object."""
        try:
            answer = await self._client.get_object(Bucket=self.settings.bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        async with answer["Body"] as body:
            return await body.read()

    async def follow(self, link: str) -> tuple[int, dict[str, str], bytes]:
        """Fetch a link as a browser does, without credentials: status, headers, bytes."""
        async with aiohttp.ClientSession() as session, session.get(link) as answer:
            return answer.status, dict(answer.headers), await answer.read()

    @asynccontextmanager
    async def reopened(self, **changes: object) -> AsyncIterator[ObjectStore]:
        """Another store on the same bucket, with other settings."""
        async with open_object_store(msgspec.structs.replace(self.settings, **changes)) as store:
            yield store


@asynccontextmanager
async def open_bucket(settings: StoreSettings, *, create: bool = True) -> AsyncIterator[Bucket]:
    """Open the bucket that the settings name, and create it if it does not exist."""
    session = aioboto3.Session(settings.access_key_id, settings.secret_access_key, region_name=settings.region)
    async with (
        open_object_store(settings) as store,
        session.client("s3", endpoint_url=settings.endpoint_url) as client,
    ):
        if create:
            await store.create_bucket()
        yield Bucket(settings, store, client)
