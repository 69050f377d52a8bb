"""Errors of the object store, as one type that says what was asked and what the store answered."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

#: Refusals that are over after a while, or that say that the bytes were changed on the way.
_PASSING = frozenset({"BadDigest", "RequestTimeout", "SlowDown", "XAmzContentChecksumMismatch"})
_CODE = re.compile(r"[A-Za-z0-9.]{1,60}")


class StorageError(Exception):
    """The object store failed for longer than its client retries, or refused. Not the document's fault."""

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        """`status` and `code` are what the store answered, if it did."""
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def is_refusal(self) -> bool:
        """The store understood what it was asked and will answer the same to the same question."""
        is_final = self.status in {400, 403, 405, 411, 413, 501} and self.code not in _PASSING
        return is_final and self.code not in {"ExpiredToken", "RequestTimeTooSkewed"}


@asynccontextmanager
async def storage_errors(timeout: float, operation: str) -> AsyncIterator[None]:
    """Raise `StorageError` for whatever fails in the block, or takes longer than `timeout` seconds."""
    try:
        async with asyncio.timeout(timeout):
            yield
    except ClientError as error:
        raise _refused(error, operation) from error
    except (BotoCoreError, ResponseParserError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise StorageError(f"the object store failed: {operation}, {type(error).__name__}") from error


def _refused(error: ClientError, operation: str) -> StorageError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = str(error.response.get("Error", {}).get("Code", ""))
    # A store's message may name keys and hosts. Its code is one word.
    shown = code if _CODE.fullmatch(code) else ""
    answer = " ".join(each for each in (str(status or ""), "" if shown == str(status) else shown) if each)
    return StorageError(f"the object store failed: {operation} was answered {answer}", status=status, code=shown)
