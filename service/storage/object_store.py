"""S3: write a stream, sign a link, read a stream. One client per process."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aioboto3
import msgspec
from aiobotocore.session import get_session

from service.domain.file_names import content_disposition
from service.domain.storage_keys import STORAGE_PREFIX
from service.storage.s3_client import client_config, fetch, tune
from service.storage.signed_links import LinkTarget, link_target, sign_link
from service.storage.store_errors import (
    STORE_STALL_TIMEOUT,
    Moved,
    StorageError,
    opening_errors,
    storage_errors,
    told_region,
)
from service.storage.store_settings import StoreSettings
from service.storage.store_upload import Checksums, PartBody, Target, Upload, checksum, confirm
from service.storage.temporary_credentials import CredentialsClock

if TYPE_CHECKING:
    from aiobotocore.credentials import AioCredentials
    from aiobotocore.response import StreamingBody
    from botocore.credentials import ReadOnlyCredentials
    from types_aiobotocore_s3.client import S3Client
    from types_aiobotocore_s3.type_defs import CreateMultipartUploadOutputTypeDef

RENEWAL_TIMEOUT = 10.0  # seconds for new credentials of a role; requests and webhooks wait for them
ABORT_TIMEOUT = 10.0  # seconds; a worker that stops waits for it
READ_CONCURRENCY = 48  # at once: a read may be as slow as a user's client, and must leave connections to other calls
_READ_SIZE = 256 * 1024  # bytes taken from the socket at a time, at most


class StoredObject(msgspec.Struct, frozen=True):
    """An object of the bucket."""

    key: str
    modified_at: datetime  #: by the store's clock; for a multipart upload, some stores give the time of its start


class OpenUpload(msgspec.Struct, frozen=True):
    """An upload that was neither completed nor aborted."""

    key: str
    upload_id: str


class ObjectStore:
    """One bucket."""

    def __init__(
        self, client: "S3Client", settings: StoreSettings, *, links: LinkTarget, credentials: "AioCredentials"
    ) -> None:
        self._client = client
        self._settings = settings
        self._links = links
        self._credentials = credentials
        self._credentials_clock = CredentialsClock(credentials)
        self._checksums = Checksums()
        self._read_places = asyncio.Semaphore(READ_CONCURRENCY)

    async def put(self, key: str, chunks: Sequence[bytes], mime_type: str) -> None:
        """Write a small object in one request. `mime_type` may have a charset. Raises `StorageError`."""
        await self._checksums.protect(lambda crc: self._put(key, chunks, mime_type, crc=crc))

    async def _put(self, key: str, chunks: Sequence[bytes], mime_type: str, *, crc: bool) -> None:
        async with self._calling("PutObject", stall=STORE_STALL_TIMEOUT) as moved:
            answer = await self._client.put_object(
                Bucket=self._settings.bucket,
                Key=key,
                Body=PartBody(chunks, moved),  # type: ignore[arg-type]  # the stubs do not know async bodies
                ContentLength=sum(map(len, chunks)),
                ContentType=mime_type,
                **checksum(chunks, crc=crc),
                **self._settings.written_with,
            )
        target: Target = {"Bucket": self._settings.bucket, "Key": key}
        await confirm(self._client, target, answer, sum(map(len, chunks)), self._settings.call_timeout)

    async def remove(self, key: str) -> None:
        """Delete an object. A missing object is no error. Raises `StorageError`."""
        async with self._calling("DeleteObject"):
            await self._client.delete_object(Bucket=self._settings.bucket, Key=key)

    async def discard(self, key: str) -> None:
        """Delete an object that no row refers to. If the store fails, the tidy-up of the bucket deletes it later."""
        with contextlib.suppress(StorageError):
            async with storage_errors(min(ABORT_TIMEOUT, self._settings.call_timeout), "DeleteObject"):
                await self._client.delete_object(Bucket=self._settings.bucket, Key=key)

    async def objects(self, prefix: str) -> AsyncGenerator[list[StoredObject], None]:
        """The objects whose keys start with `prefix`, in pages of at most 1,000. Raises `StorageError`."""
        pages = aiter(
            self._client.get_paginator("list_objects_v2").paginate(Bucket=self._settings.bucket, Prefix=prefix)
        )
        while True:
            async with self._calling("ListObjectsV2"):
                page = await anext(pages, None)
            if page is None:
                return
            yield [StoredObject(each["Key"], each["LastModified"]) for each in page.get("Contents", [])]

    async def read(self, key: str, *, start: int = 0) -> AsyncGenerator[bytes, None]:
        """The bytes from offset `start` on. Closing the generator ends the transfer. Raises `StorageError`."""
        span: Any = {"Range": f"bytes={start}-"} if start else {}
        async with self._read_places:
            async with self._calling("GetObject"):
                answer = await self._client.get_object(Bucket=self._settings.bucket, Key=key, **span)
            try:
                while chunk := await self._some_of(answer["Body"]):
                    yield chunk
            finally:
                answer["Body"].close()

    async def _some_of(self, body: "StreamingBody") -> bytes:
        async with self._calling("GetObject"):
            return await body.read(_READ_SIZE)

    @asynccontextmanager
    async def start_upload(self, key: str, mime_type: str) -> AsyncIterator["Upload"]:
        """Start a multipart upload. Leaving the block without `complete` aborts it. Raises `StorageError`."""
        # Shielded: if we are cancelled, we must still learn the upload's id to abort it.
        creating = asyncio.ensure_future(self._create_upload(key, mime_type))
        upload: Upload | None = None
        try:
            upload = Upload(self._client, await asyncio.shield(creating), self._settings.call_timeout, self._checksums)
            yield upload
        finally:
            if upload is None or not upload.is_complete:
                # Shielded: the store charges for the parts of an open upload until it is aborted.
                await asyncio.shield(asyncio.ensure_future(self._abort(creating)))

    async def _create_upload(self, key: str, mime_type: str) -> Target:
        """The parameters that identify the upload in later calls."""
        target: Target = {"Bucket": self._settings.bucket, "Key": key}
        answer = await self._checksums.protect(lambda crc: self._begin(target, mime_type, crc=crc))
        if not answer.get("UploadId"):
            raise StorageError("the object store began an upload without a name")
        return {**target, "UploadId": answer["UploadId"]}

    async def _begin(self, target: Target, mime_type: str, *, crc: bool) -> "CreateMultipartUploadOutputTypeDef":
        algorithm: Any = {"ChecksumAlgorithm": "CRC32"} if crc else {}
        async with self._calling("CreateMultipartUpload", stall=STORE_STALL_TIMEOUT):
            return await self._client.create_multipart_upload(
                **target, **algorithm, **self._settings.written_with, ContentType=mime_type
            )

    async def _abort(self, creating: asyncio.Future[Target]) -> None:
        try:
            async with storage_errors(min(ABORT_TIMEOUT, self._settings.call_timeout), "AbortMultipartUpload"):
                await self._client.abort_multipart_upload(**await creating)
        except StorageError:
            # The sweep aborts the upload later.
            return

    async def open_uploads(self, *, older_than: timedelta) -> list[OpenUpload]:
        """The service's open uploads that were started longer than `older_than` ago. Raises `StorageError`."""
        begun_before = datetime.now(UTC) - older_than
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._settings.bucket, Prefix=STORAGE_PREFIX
        )
        async with self._calling("ListMultipartUploads"):
            try:
                found = [upload async for page in pages for upload in page.get("Uploads", [])]
            except self._client.exceptions.NoSuchUpload:
                return []  # rclone's response if there is no upload
        return [OpenUpload(each["Key"], each["UploadId"]) for each in found if each["Initiated"] < begun_before]

    async def abort_upload(self, upload: OpenUpload) -> None:
        """Abort an upload. One that has ended meanwhile is no error. Raises `StorageError`."""
        with contextlib.suppress(self._client.exceptions.NoSuchUpload):
            async with self._calling("AbortMultipartUpload"):
                await self._client.abort_multipart_upload(
                    Bucket=self._settings.bucket, Key=upload.key, UploadId=upload.upload_id
                )

    async def link(self, key: str, name: str, mime_type: str, *, moment: datetime | None = None) -> str:
        """A link that downloads the object under `name`, valid for `link_ttl` seconds from `moment` (default: now).

        Signed locally: a request is made only to renew credentials. Raises `StorageError` if that fails.
        """
        parameters = {
            "response-content-disposition": content_disposition(name),
            "response-content-type": mime_type,
        }
        credentials = await self._frozen_credentials()
        return sign_link(
            self._links, credentials, key, parameters, ttl=self._settings.link_ttl, moment=moment or datetime.now(UTC)
        )

    async def read_by_link(self, key: str) -> bytes:
        """Read a small object by a signed link, as clients do, but at `endpoint_url`. Raises `StorageError`."""
        target = await link_target(self._client, self._settings.bucket)
        target = msgspec.structs.replace(target, scope=self._links.scope)
        credentials = await self._frozen_credentials()
        async with self._calling("GetObject by a signed link"):
            link = sign_link(target, credentials, key, {}, ttl=60, moment=datetime.now(UTC))
            return await fetch(self._client, link, bucket=self._settings.bucket, key=key)

    async def link_expiry(self) -> datetime:
        """The earliest expiry of a link that is signed from now on. The credentials that sign it may expire first."""
        moment = datetime.now(UTC).replace(microsecond=0)
        wanted = moment + timedelta(seconds=self._settings.link_ttl)
        credentials = await self._frozen_credentials()
        return min(wanted, self._credentials_clock.end(credentials.token, now=moment) or wanted)

    async def _frozen_credentials(self) -> "ReadOnlyCredentials":
        # The credentials of a machine's role are renewed from time to time, and their source may hang.
        async with storage_errors(min(RENEWAL_TIMEOUT, self._settings.call_timeout), "new credentials"):
            return await self._credentials.get_frozen_credentials()

    def _calling(self, operation: str, *, stall: float | None = None) -> AbstractAsyncContextManager[Moved]:
        return storage_errors(self._settings.call_timeout, operation, stall=stall)

    @property
    def link_ttl(self) -> int:
        """Seconds that a link is valid, unless the credentials that sign it expire before."""
        return self._settings.link_ttl

    @property
    def region(self) -> str:
        """The region that links are signed for."""
        return self._links.scope.partition("/")[0]

    async def check(self) -> str:
        """Check that the bucket exists. Returns the region that the store names, or an empty string.

        Raises `StorageError`, whose `__cause__` says what is wrong.
        """
        async with self._calling("HeadBucket"):
            return told_region(await self._client.head_bucket(Bucket=self._settings.bucket))

    async def list_one(self) -> str:
        """Check the bucket with a listing. Returns the region that the last request was signed for.

        botocore retries with another region if the store names one. Raises `StorageError` with a code, which `check`
        cannot have: a response to HEAD has no body.
        """
        regions: list[str] = []

        def note(request: Any, region_name: str, **_others: object) -> None:
            regions.append(request.context.get("signing", {}).get("region") or region_name)

        self._client.meta.events.register("before-sign.s3.ListObjectsV2", note)
        try:
            async with self._calling("ListObjectsV2"):
                await self._client.list_objects_v2(Bucket=self._settings.bucket, MaxKeys=1)
        finally:
            self._client.meta.events.unregister("before-sign.s3.ListObjectsV2", note)
        return regions[-1]

    async def create_bucket(self) -> None:
        """Raises `StorageError`."""
        region: Any = self._settings.region
        location: Any = (
            {} if region in {None, "us-east-1"} else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        async with self._calling("CreateBucket"):
            await self._client.create_bucket(Bucket=self._settings.bucket, **location)


@asynccontextmanager
async def open_object_store(settings: StoreSettings) -> AsyncIterator[ObjectStore]:
    """Open two clients of a bucket: one for calls, and one for links to the public host. Raises `StorageError`."""
    botocore_session = get_session()
    with opening_errors():
        session = aioboto3.Session(
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=settings.secret_access_key,
            aws_session_token=settings.session_token,
            region_name=settings.region,
            botocore_session=botocore_session,
        )
        credentials = await botocore_session.get_credentials()
    if credentials is None:
        raise StorageError("there are no credentials: AWS_ACCESS_KEY_ID is not set, and the AWS chain has none")
    async with AsyncExitStack() as stack:
        with opening_errors():
            client, signer = [
                await stack.enter_async_context(
                    session.client("s3", endpoint_url=url, config=client_config(path_style=url is not None))
                )
                for url in (settings.endpoint_url, settings.public_endpoint_url or settings.endpoint_url)
            ]
            tune(client)
            links = await link_target(signer, settings.bucket)
        yield ObjectStore(client, settings, links=links, credentials=credentials)
