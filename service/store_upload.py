"""Objects of several parts, and bodies of requests."""

import base64
import zlib
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from service.store_errors import StorageError, storage_errors

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef

PART_SIZE = 8 * 1024 * 1024  # bytes; S3 wants 5 MiB at least and 10,000 parts at most
_WRITE_SIZE = 256 * 1024  # bytes handed to the socket at a time
Target = dict[str, Any]  # bucket, key and, once it is known, the upload's name


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


def checksum(chunks: Sequence[bytes]) -> str:
    """The CRC-32 of a body, as S3 wants it."""
    # Payloads are not signed, so that they can be streamed: this is what tells the store of a flipped bit.
    value = 0
    for chunk in chunks:
        value = zlib.crc32(chunk, value)
    return base64.b64encode(value.to_bytes(4, "big")).decode()


class Upload:
    """An object of several parts, not visible before `complete`."""

    def __init__(self, client: "S3Client", target: Target, call_timeout: float) -> None:
        self._client = client
        self._target = target
        self._call_timeout = call_timeout
        self._parts: list[CompletedPartTypeDef] = []
        self.is_complete = False

    async def put_part(self, chunks: Sequence[bytes]) -> None:
        """Send the next part; every one but the last has `PART_SIZE` bytes. Raises `StorageError`."""
        number = len(self._parts) + 1
        digest = checksum(chunks)
        async with storage_errors(self._call_timeout):
            answer = await self._client.upload_part(
                **self._target,
                PartNumber=number,
                Body=PartBody(chunks),  # type: ignore[arg-type]  # the stubs do not know async bodies
                ContentLength=sum(map(len, chunks)),
                ChecksumCRC32=digest,
            )
        if "ETag" not in answer:
            raise StorageError("the object store took a part without a receipt")
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": digest})

    async def complete(self) -> None:
        """Make the object visible. Raises `StorageError`."""
        async with storage_errors(self._call_timeout):
            await self._client.complete_multipart_upload(**self._target, MultipartUpload={"Parts": self._parts})
        self.is_complete = True
