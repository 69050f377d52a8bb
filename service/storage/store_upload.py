"""Multipart uploads, and the bodies and checksums of requests."""

import base64
import hashlib
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from service.storage.store_errors import STORE_STALL_TIMEOUT, Moved, StorageError, storage_errors

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef

PART_SIZE = 8 * 1024 * 1024  # bytes; S3 requires at least 5 MiB, and at most 10,000 parts
_WRITE_SIZE = 256 * 1024  # bytes handed to the socket at a time
_T = TypeVar("_T")
Target = dict[str, Any]  # `Bucket`, `Key` and, once it is known, `UploadId`


class PartBody:
    """A request body of chunks that are never joined. It can be sent again."""

    def __init__(self, chunks: Sequence[bytes], moved: Moved) -> None:
        """`moved` is called each time the transport takes a piece."""
        self._chunks = chunks
        self._moved = moved

    def read(self, _size: int = -1) -> bytes:
        """Exists only because botocore expects a file. The transport iterates instead."""
        raise NotImplementedError

    def tell(self) -> int:
        """The position to which botocore seeks before a retry."""
        return 0

    def seek(self, _offset: int, _whence: int = 0) -> int:
        """Do nothing: each iteration starts at the beginning."""
        return 0

    async def __aiter__(self) -> AsyncIterator[memoryview]:
        for chunk in self._chunks:
            for start in range(0, len(chunk), _WRITE_SIZE):
                self._moved()
                yield memoryview(chunk)[start : start + _WRITE_SIZE]


class Checksums:
    """Checksums with which the store detects damaged bytes. Payloads are not signed, so that they can be streamed.

    CRC-32, or MD5 for stores that refuse the CRC-32 headers.
    """

    def __init__(self) -> None:
        self.has_crc = True

    async def protect(self, call: Callable[[bool], Awaitable[_T]]) -> _T:
        """Call `call(True)`, with CRC-32. If the store refuses it, call `call(False)`, and remember if that works."""
        if not self.has_crc:
            return await call(False)
        try:
            return await call(True)
        except StorageError as error:
            if not _may_be_of_headers(error):
                raise
            answer = await call(False)
        self.has_crc = False
        structlog.get_logger().warning("store_without_crc32")
        return answer


def _may_be_of_headers(error: StorageError) -> bool:
    """Whether the store, or a proxy in front of it, may have refused the call because of the CRC-32 headers."""
    # A proxy that drops a signed header breaks the signature. A proxy's own 403 has no code.
    is_of_proxy = error.status == 403 and error.code in {"", "403", "SignatureDoesNotMatch"}
    return error.is_refusal and (error.status in {400, 501} or is_of_proxy)


def checksum(chunks: Sequence[bytes], *, crc: bool) -> dict[str, Any]:
    """The checksum of a body as the parameter of a call."""
    return {"ChecksumCRC32": _crc32(chunks)} if crc else {"ContentMD5": _md5(chunks)}


def _crc32(chunks: Sequence[bytes]) -> str:
    value = 0
    for chunk in chunks:
        value = zlib.crc32(chunk, value)
    return base64.b64encode(value.to_bytes(4, "big")).decode()


def _md5(chunks: Sequence[bytes]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()


def has_receipt(answer: Mapping[str, Any]) -> bool:
    """Whether the response to a write has an ETag that is not empty."""
    return bool(str(answer.get("ETag") or "").strip('" '))


async def confirm(
    client: "S3Client", target: Target, answer: Mapping[str, Any], size: int, call_timeout: float
) -> None:
    """If the response to a write has no ETag, check that the object exists. Raises `StorageError`.

    A captive portal or a proxy may answer 200 instead of the store.
    """
    if has_receipt(answer):
        return
    async with storage_errors(call_timeout, "HeadObject"):
        found = await client.head_object(Bucket=target["Bucket"], Key=target["Key"])
    if found.get("ContentLength") != size:
        message = "the object store failed: it took an object without a receipt, and does not have it"
        raise StorageError(message, operation="HeadObject")


class Upload:
    """A multipart upload. The object is not visible before `complete`."""

    def __init__(self, client: "S3Client", target: Target, call_timeout: float, checksums: Checksums) -> None:
        self._client = client
        self._target = target
        self._call_timeout = call_timeout
        self._checksums = checksums
        self._parts: list[CompletedPartTypeDef] = []
        self._size = 0
        self.is_complete = False

    async def put_part(self, chunks: Sequence[bytes]) -> None:
        """Send the next part. Every part but the last has `PART_SIZE` bytes. Raises `StorageError`."""
        self._parts.append(await self._checksums.protect(lambda crc: self._send_part(chunks, crc=crc)))
        self._size += sum(map(len, chunks))

    async def _send_part(self, chunks: Sequence[bytes], *, crc: bool) -> "CompletedPartTypeDef":
        number, digest = len(self._parts) + 1, checksum(chunks, crc=crc)
        async with storage_errors(self._call_timeout, "UploadPart", stall=STORE_STALL_TIMEOUT) as moved:
            answer = await self._client.upload_part(
                **self._target,
                **digest,
                PartNumber=number,
                Body=PartBody(chunks, moved),  # type: ignore[arg-type]  # the stubs do not know async bodies
                ContentLength=sum(map(len, chunks)),
            )
        if not has_receipt(answer):
            raise StorageError("the object store took a part without a receipt")
        part: CompletedPartTypeDef = {"PartNumber": number, "ETag": answer["ETag"]}
        return {**part, "ChecksumCRC32": digest["ChecksumCRC32"]} if crc else part

    async def complete(self) -> None:
        """Make the object visible. Raises `StorageError`."""
        answer = await self._checksums.protect(lambda crc: self._complete(crc=crc))
        await confirm(self._client, self._target, answer, self._size, self._call_timeout)
        self.is_complete = True

    async def _complete(self, *, crc: bool) -> Mapping[str, Any]:
        # Some stores take the header with a checksum, and refuse the element that repeats it here.
        parts: list[CompletedPartTypeDef] = [
            part if crc else {"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in self._parts
        ]
        # Without `stall`: a store may take minutes to assemble a large object.
        async with storage_errors(self._call_timeout, "CompleteMultipartUpload"):
            return await self._client.complete_multipart_upload(**self._target, MultipartUpload={"Parts": parts})
