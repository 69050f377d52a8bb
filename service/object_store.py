"""S3: put a stream, sign a link, read a stream. One client for the life of the process."""

import asyncio
import base64
import contextlib
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aioboto3
import aiohttp
import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from service.domain.file_names import content_disposition
from service.s3_client import client_config, tune
from service.signed_links import LinkTarget, link_target, sign_link

if TYPE_CHECKING:
    from aiobotocore.credentials import AioCredentials
    from aiobotocore.response import StreamingBody
    from types_aiobotocore_s3.client import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef

PART_SIZE = 8 * 1024 * 1024  # bytes; S3 wants 5 MiB at least and 10,000 parts at most
CALL_TIMEOUT = 120.0  # seconds for one call, all of botocore's own retries included
ABORT_TIMEOUT = 10.0  # seconds; a worker that is asked to stop waits for it
READS = 48  # at once: they may be as slow as somebody's client, and must leave connections to the others
_WRITE_SIZE = 256 * 1024  # bytes handed to the socket at a time
_READ_SIZE = 256 * 1024  # bytes taken from the socket at a time, at most

_Target = dict[str, Any]  # bucket, key and, once it is known, the upload's name


class StorageError(Exception):
    """The object store failed for longer than its client retries. Temporary, and not the document's fault."""


class StoreSettings(msgspec.Struct, frozen=True):
    """Where the objects go. None leaves a value to the usual AWS chain."""

    bucket: str
    endpoint_url: str | None
    public_endpoint_url: str | None  #: the host in links, where it is another one
    region: str | None
    access_key_id: str | None
    secret_access_key: str | None
    link_ttl: int  #: seconds that a signed link lives
    call_timeout: float = CALL_TIMEOUT  #: seconds


class PartBody:
    """Chunks as a request body that can be sent again, without ever being joined."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = chunks

    def read(self, _size: int = -1) -> bytes:
        """Only there for botocore, which wants a file; the transport iterates."""
        raise NotImplementedError

    def tell(self) -> int:
        """A retry starts from here."""
        return 0

    def seek(self, _offset: int, _whence: int = 0) -> int:
        """Each iteration starts at the beginning anyway."""
        return 0

    async def __aiter__(self) -> AsyncIterator[memoryview]:
        for chunk in self._chunks:
            for start in range(0, len(chunk), _WRITE_SIZE):
                yield memoryview(chunk)[start : start + _WRITE_SIZE]


def _checksum(chunks: Sequence[bytes]) -> str:
    # Payloads are not signed, so that they can be streamed: this is what tells the store of a flipped bit.
    value = 0
    for chunk in chunks:
        value = zlib.crc32(chunk, value)
    return base64.b64encode(value.to_bytes(4, "big")).decode()


@asynccontextmanager
async def _storage_errors(timeout: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(timeout):
            yield
    except (BotoCoreError, ClientError, ResponseParserError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise StorageError(f"the object store failed: {type(error).__name__}") from error


class ObjectStore:
    """One bucket."""

    def __init__(
        self, client: "S3Client", settings: StoreSettings, *, links: LinkTarget, credentials: "AioCredentials"
    ) -> None:
        self._client = client
        self._settings = settings
        self._links = links
        self._credentials = credentials
        self._read_places = asyncio.Semaphore(READS)

    async def put(self, key: str, chunks: Sequence[bytes], mime_type: str) -> None:
        """Write a small object in one request. Raises `StorageError`."""
        async with self._calling():
            await self._client.put_object(
                Bucket=self._settings.bucket,
                Key=key,
                Body=PartBody(chunks),  # type: ignore[arg-type]  # the stubs do not know async bodies
                ContentLength=sum(map(len, chunks)),
                ContentType=mime_type,
                ChecksumCRC32=_checksum(chunks),
            )

    async def discard(self, key: str) -> None:
        """Delete an object that no row names, if the store can be asked. The tidy-up of the bucket finds the others."""
        with contextlib.suppress(StorageError):
            async with _storage_errors(min(ABORT_TIMEOUT, self._settings.call_timeout)):
                await self._client.delete_object(Bucket=self._settings.bucket, Key=key)

    async def read(self, key: str, *, start: int = 0) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` on, none read ahead. Closing it ends the transfer. Raises `StorageError`."""
        span: Any = {"Range": f"bytes={start}-"} if start else {}
        async with self._read_places:
            async with self._calling():
                answer = await self._client.get_object(Bucket=self._settings.bucket, Key=key, **span)
            try:
                while chunk := await self._some_of(answer["Body"]):
                    yield chunk
            finally:
                answer["Body"].close()

    async def _some_of(self, body: "StreamingBody") -> bytes:
        async with self._calling():
            return await body.read(_READ_SIZE)

    @asynccontextmanager
    async def start_upload(self, key: str, mime_type: str) -> AsyncIterator["Upload"]:
        """Begin an object of several parts. Leaving the block without `complete` aborts it. Raises `StorageError`."""
        # Shielded: an upload whose name never arrived could not be aborted.
        creating = asyncio.ensure_future(self._create_upload(key, mime_type))
        upload: Upload | None = None
        try:
            upload = Upload(self._client, await asyncio.shield(creating), self._settings.call_timeout)
            yield upload
        finally:
            if upload is None or not upload.is_complete:
                # Shielded: an upload left open costs its owner money until somebody finds it.
                await asyncio.shield(asyncio.ensure_future(self._abort(creating)))

    async def _create_upload(self, key: str, mime_type: str) -> _Target:
        """What names the upload in later calls."""
        target: _Target = {"Bucket": self._settings.bucket, "Key": key}
        async with self._calling():
            answer = await self._client.create_multipart_upload(
                **target, ContentType=mime_type, ChecksumAlgorithm="CRC32"
            )
        if "UploadId" not in answer:
            raise StorageError("the object store began an upload without a name")
        return {**target, "UploadId": answer["UploadId"]}

    async def _abort(self, creating: asyncio.Future[_Target]) -> None:
        try:
            async with _storage_errors(min(ABORT_TIMEOUT, self._settings.call_timeout)):
                await self._client.abort_multipart_upload(**await creating)
        except StorageError:
            # The store is away: the sweep aborts it later.
            return

    async def abort_stale_uploads(self, *, older_than: timedelta) -> int:
        """Abort what was begun longer ago and left open. Answers how many. Raises `StorageError`."""
        begun_before = datetime.now(UTC) - older_than
        stale = [upload for upload in await self._open_uploads("") if upload["Initiated"] < begun_before]
        await self._abort_all(stale)
        return len(stale)

    async def _abort_all(self, uploads: Sequence[_Target]) -> None:
        for upload in uploads:
            async with self._calling():
                await self._client.abort_multipart_upload(
                    Bucket=self._settings.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )

    async def _open_uploads(self, prefix: str) -> list[_Target]:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._settings.bucket, Prefix=prefix
        )
        async with self._calling():
            try:
                return [dict(upload) async for page in pages for upload in page.get("Uploads", [])]
            except self._client.exceptions.NoSuchUpload:
                return []  # what rclone answers where there is none

    async def link(self, key: str, name: str, mime_type: str, *, moment: datetime | None = None) -> str:
        """A link that downloads the object under `name` for `link_ttl` seconds from `moment`, or now. Asks nobody."""
        parameters = {
            "response-content-disposition": content_disposition(name),
            "response-content-type": mime_type,
        }
        # Those of a machine's role are replaced from time to time.
        credentials = await self._credentials.get_frozen_credentials()
        return sign_link(
            self._links, credentials, key, parameters, ttl=self._settings.link_ttl, moment=moment or datetime.now(UTC)
        )

    def _calling(self) -> AbstractAsyncContextManager[None]:
        return _storage_errors(self._settings.call_timeout)

    @property
    def link_ttl(self) -> int:
        """Seconds that a link lives."""
        return self._settings.link_ttl

    async def check(self) -> None:
        """Ask for the bucket. Raises `StorageError`, whose cause says what is wrong."""
        async with self._calling():
            await self._client.head_bucket(Bucket=self._settings.bucket)

    async def create_bucket(self) -> None:
        """Make the bucket. Raises `StorageError`."""
        region: Any = self._settings.region
        location: Any = (
            {} if region in {None, "us-east-1"} else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        async with self._calling():
            await self._client.create_bucket(Bucket=self._settings.bucket, **location)


class Upload:
    """An object of several parts, not visible before `complete`."""

    def __init__(self, client: "S3Client", target: _Target, call_timeout: float) -> None:
        self._client = client
        self._target = target
        self._call_timeout = call_timeout
        self._parts: list[CompletedPartTypeDef] = []
        self.is_complete = False

    async def put_part(self, chunks: Sequence[bytes]) -> None:
        """Send the next part; every one but the last has `PART_SIZE` bytes. Raises `StorageError`."""
        number = len(self._parts) + 1
        checksum = _checksum(chunks)
        async with _storage_errors(self._call_timeout):
            answer = await self._client.upload_part(
                **self._target,
                PartNumber=number,
                Body=PartBody(chunks),  # type: ignore[arg-type]  # the stubs do not know async bodies
                ContentLength=sum(map(len, chunks)),
                ChecksumCRC32=checksum,
            )
        if "ETag" not in answer:
            raise StorageError("the object store took a part without a receipt")
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": checksum})

    async def complete(self) -> None:
        """Make the object visible. Raises `StorageError`."""
        async with _storage_errors(self._call_timeout):
            await self._client.complete_multipart_upload(**self._target, MultipartUpload={"Parts": self._parts})
        self.is_complete = True


@asynccontextmanager
async def open_object_store(settings: StoreSettings) -> AsyncIterator[ObjectStore]:
    """Open the clients of a bucket, one for calls and one that signs links for the public host."""
    session = aioboto3.Session(
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
        region_name=settings.region,
    )
    async with AsyncExitStack() as stack:
        client, signer = [
            await stack.enter_async_context(
                session.client("s3", endpoint_url=url, config=client_config(path_style=url is not None))
            )
            for url in (settings.endpoint_url, settings.public_endpoint_url or settings.endpoint_url)
        ]
        credentials = await session._session.get_credentials()  # noqa: SLF001  (aioboto3 has no public way to them)
        tune(client)
        links = await link_target(signer, settings.bucket)
        yield ObjectStore(client, settings, links=links, credentials=credentials)
